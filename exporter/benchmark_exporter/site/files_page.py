"""The page of rejected and incomplete files, with the reason and what to do."""

from html import escape

from benchmark_exporter.ledger.state import RejectedFile
from benchmark_exporter.model import RejectionReason
from benchmark_exporter.site.addresses import link, runbook_address
from benchmark_exporter.site.cells import moment, table
from benchmark_exporter.site.known import Known
from benchmark_exporter.site.layout import page
from benchmark_exporter.site.reasons import reason
from benchmark_exporter.texts.say import Say, phrase

FILES_SHOWN = 500
FIXES: dict[RejectionReason, str] = {
    "malformed_json": phrase(
        "Write the file again with its tool, whole; the JSON path says where."
    ),
    "truncated": phrase("Its writer stopped early. Run the benchmark again, or remove the file."),
    "not_utf8": phrase("Save it in UTF-8; tools on Windows may need an option or a code page."),
    "not_finite": phrase("Replace NaN and Infinity by null, or leave the value out."),
    "invalid_value": phrase(
        "Correct the value at the JSON path; the detail says what is expected."
    ),
    "unknown_format": phrase("Use a format of docs/formats.md, or keep other files elsewhere."),
    "late_sidecar": phrase("Write the sidecar before its result, then write the result again."),
    "too_large": phrase(
        "Raise max_file_bytes in config.yaml, restart the exporter, and touch the file."
    ),
    "not_a_file": phrase("Remove it; only ordinary files are read."),
    "link_outside": phrase("Copy the file into the folder; links out of it are not followed."),
    "unreadable": phrase("Let the exporter's user read it (chmod a+r)."),
    "internal_error": phrase(
        "This is a fault of the exporter: report it with the file and the log."
    ),
}


def files_page(known: Known, say: Say) -> str:
    """The whole page."""
    state = known.state
    rejected = "".join(_rejected(each, say) for each in state.rejected_files[:FILES_SHOWN])
    incomplete = [
        (f"<code>{escape(name)}</code>", reason(detail, say))
        for name, detail in sorted(known.unfinished.items())[:FILES_SHOWN]
    ]
    count = f"{len(state.rejected_files):,}"
    heading = f'<h2 id="rejected">{say("Rejected ({count})", count=count)}</h2>'
    parts = [
        f'{heading}<ul class="entries">{rejected}</ul>' if rejected else "",
        _more(len(state.rejected_files), say),
        table(
            say("Incomplete, read again ({count})", count=f"{len(known.unfinished):,}"),
            (say("File"), say("Why")),
            incomplete,
            name="incomplete",
        ),
        _more(len(known.unfinished), say),
    ]
    folder = f"<code>{escape(known.results_dir)}</code>"
    if rejected:
        runbook = link(runbook_address("ResultFileRejected"), "ResultFileRejected")
        again = say(
            "A file is read again when it changes, and leaves this list when it is removed from "
            "{folder}.",
            folder=folder,
        )
        intro = f"{again} {say('Runbook: {links}', links=runbook)}"
    elif incomplete:
        intro = say("No file in {folder} is rejected.", folder=folder)
    else:
        intro = say("No file in {folder} is rejected or incomplete.", folder=folder)
    title = say("Files")
    body = f"<h1>{title}</h1><p>{intro}</p>{''.join(parts)}"
    return page(title, body, current="files", say=say)


def _rejected(file: RejectedFile, say: Say) -> str:
    at = say("at {time} UTC", time=moment(file.at_seconds))
    return (
        f'<li class="entry warning"><p><strong>{escape(file.path)}</strong> '
        f'<span class="badge warning">{escape(file.reason)}</span> '
        f'<span class="quiet">{at}</span></p>'
        f"<p><code>{escape(file.json_path)}</code>: {reason(file.detail, say)}</p>"
        f"<p><strong>{say('What to do:')}</strong> {_fix(file.reason, say)}</p></li>"
    )


def _fix(reason: str, say: Say) -> str:
    return next((say(text) for name, text in FIXES.items() if name == reason), "")


def _more(count: int, say: Say) -> str:
    more = count - FILES_SHOWN
    if more <= 0:
        return ""
    text = say(
        "And {count} more: {command} lists them.",
        count=f"{more:,}",
        command="<code>benchmark-exporter check</code>",
    )
    return f"<p>{text}</p>"
