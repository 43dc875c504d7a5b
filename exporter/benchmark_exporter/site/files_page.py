"""The page of rejected and incomplete files, with the reason and what to do."""

from html import escape

from benchmark_exporter.ledger.state import RejectedFile
from benchmark_exporter.model import RejectionReason
from benchmark_exporter.site.cells import moment, table
from benchmark_exporter.site.known import Known
from benchmark_exporter.site.layout import page

FILES_SHOWN = 500
FIXES: dict[RejectionReason, str] = {
    "malformed_json": "Write the file again with its tool, whole; the JSON path says where.",
    "truncated": "Its writer stopped early. Run the benchmark again, or remove the file.",
    "not_utf8": "Save it in UTF-8; tools on Windows may need an option or a code page.",
    "not_finite": "Replace NaN and Infinity by null, or leave the value out.",
    "invalid_value": "Correct the value at the JSON path; the detail says what is expected.",
    "unknown_format": "Use a format of docs/formats.md, or keep other files elsewhere.",
    "late_sidecar": "Write the sidecar before its result, then write the result again.",
    "too_large": "Raise max_file_bytes in config.yaml, restart the exporter, and touch the file.",
    "not_a_file": "Remove it; only ordinary files are read.",
    "link_outside": "Copy the file into the folder; links out of it are not followed.",
    "unreadable": "Let the exporter's user read it (chmod a+r).",
    "internal_error": "This is a fault of the exporter: report it with the file and the log.",
}


def files_page(known: Known) -> str:
    """The whole page."""
    state = known.state
    rejected = "".join(map(_rejected, state.rejected_files[:FILES_SHOWN]))
    incomplete = [
        (f"<code>{escape(name)}</code>", escape(detail))
        for name, detail in sorted(known.unfinished.items())[:FILES_SHOWN]
    ]
    heading = f'<h2 id="rejected">Rejected ({len(state.rejected_files):,})</h2>'
    parts = [
        f'{heading}<ul class="entries">{rejected}</ul>' if rejected else "",
        _more(len(state.rejected_files)),
        table(
            f"Incomplete, read again ({len(known.unfinished):,})",
            ("File", "Why"),
            incomplete,
            name="incomplete",
        ),
        _more(len(known.unfinished)),
    ]
    folder = f"<code>{escape(known.results_dir)}</code>"
    if rejected:
        intro = (
            f"<p>A file is read again when it changes, and leaves this list when it is removed "
            f'from {folder}. <a href="runbooks/ResultFileRejected">Runbook: ResultFileRejected</a>'
            "</p>"
        )
    elif incomplete:
        intro = f"<p>No file in {folder} is rejected.</p>"
    else:
        intro = f"<p>No file in {folder} is rejected or incomplete.</p>"
    return page("Files", f"<h1>Files</h1>{intro}{''.join(parts)}", current="files")


def _rejected(file: RejectedFile) -> str:
    return (
        f'<li class="entry warning"><p><strong>{escape(file.path)}</strong> '
        f'<span class="badge warning">{escape(file.reason)}</span> '
        f'<span class="quiet">at {moment(file.at_seconds)} UTC</span></p>'
        f"<p><code>{escape(file.json_path)}</code>: {escape(file.detail)}</p>"
        f"<p><strong>What to do:</strong> {escape(_fix(file.reason))}</p></li>"
    )


def _fix(reason: str) -> str:
    return next((text for name, text in FIXES.items() if name == reason), "")


def _more(count: int) -> str:
    more = count - FILES_SHOWN
    if more <= 0:
        return ""
    return f"<p>And {more:,} more: <code>benchmark-exporter check</code> lists them.</p>"
