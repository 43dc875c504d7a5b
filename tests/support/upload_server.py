"""A running exporter that accepts uploads: what it answers, and what it keeps of them."""

from pathlib import Path

from tests.support.documents import golden
from tests.support.process import Exporter
from tests.support.uploading import PATH, TOKEN, Answer

MAX_BYTES = 100_000
CONFIG = f"counter_hold_seconds: 0\nmax_file_bytes: {MAX_BYTES}\nupload_burst: 1000\n"
HYPERFINE = golden("hyperfine_with_sidecar/1-run")  # it states neither commit nor time


def accepting_uploads(folder: Path, port: int, config: str = CONFIG) -> Exporter:
    """Starts an exporter that accepts uploads with TOKEN."""
    (folder / "config.yaml").write_text(config)
    (folder / "upload_tokens").write_text(f"ci {TOKEN}\n")
    return Exporter(
        folder,
        port,
        f"--config={folder / 'config.yaml'}",
        f"--upload-tokens={folder / 'upload_tokens'}",
    )


def request_head(length: str) -> bytes:
    """The head of an upload's request, with a header that says how long its body is."""
    lines = (f"POST {PATH} HTTP/1.1", "Host: x", f"Authorization: Bearer {TOKEN}", length)
    return "\r\n".join((*lines, "", "")).encode()


def refused(answer: Answer) -> tuple[int, str]:
    """The status and reason of a refusal."""
    assert answer.json.keys() <= {"reason", "detail", "json_path"}, answer
    return answer.status, answer.json["reason"]


def kept(exporter: Exporter) -> list[str]:
    """The names of the uploaded files."""
    folder = exporter.folder / "uploads"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def ingested(exporter: Exporter, format_name: str = "perf_suite") -> float | None:
    """The number of ingested files of a format."""
    return exporter.value(f'benchmark_exporter_files_ingested_total{{format="{format_name}"}}')


def answered(exporter: Exporter, code: int) -> float | None:
    """The number of answers with a status code."""
    return exporter.value(f'benchmark_exporter_uploads_total{{code="{code}"}}')
