"""Files with full-width names and their benchmarks, by each way in and on each page.

Also where the console's encoding is another one: CP932 of Windows in Japan, ASCII of a locale C.
"""

import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.support.documents import result
from tests.support.process import COMMAND, DEADLINE_SECONDS, Exporter
from tests.support.uploading import TOKEN

# Full-width letters, digits, brackets and space, and half-width katakana.
FOLDER, STEM = "測定　結果", "Ｒｏｕｔｅｒ（高速）１～ﾙｰﾀｰ"
BENCHMARK = "経路探索🐢／高速"
ENVIRONMENTS = {
    "UTF-8": {},
    "C": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "CP932": {"PYTHONIOENCODING": "cp932:strict"},
}


def document(number: int) -> bytes:
    return json.dumps(result(number, {BENCHMARK: 1.0}), ensure_ascii=False).encode()


def in_cp932(number: int) -> bytes:
    return document(number).decode().replace("🐢", "").encode("cp932")


def run(variables: Mapping[str, str], *words: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*COMMAND, *words],
        env={**os.environ, **variables},
        capture_output=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )


@pytest.fixture
def exporter(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Exporter]:
    tokens = tmp_path / "upload_tokens"
    tokens.write_text(f"ci {TOKEN}\n")
    (tmp_path / "results").mkdir()
    running = Exporter(tmp_path, free_port(), f"--upload-tokens={tokens}")
    yield running
    assert running.stop() == 0, running.log.read_text()


def runs(exporter: Exporter) -> float:
    found = json.loads(exporter.get("/api/v1/runs"))["runs"]
    return len(found)


def test_a_file_is_found_by_scan_and_by_event_and_its_benchmark_is_shown(
    exporter: Exporter,
) -> None:
    folder = exporter.results / FOLDER
    folder.mkdir()
    (folder / f"{STEM}.json").write_bytes(document(1))
    exporter.until(lambda: runs(exporter) == 1)
    (folder / f"{STEM}２.json").write_bytes(document(2))
    exporter.until(lambda: runs(exporter) == 2)
    exporter.until(lambda: f'benchmark_name="{BENCHMARK}"' in exporter.get("/metrics").decode())
    assert BENCHMARK in exporter.get("/").decode()


def test_a_rejected_file_is_named_as_it_is(exporter: Exporter) -> None:
    name = f"{STEM}.json"
    (exporter.results / name).write_bytes(in_cp932(1))

    def rejected() -> list[dict[str, str]]:
        found: list[dict[str, str]] = json.loads(exporter.get("/api/v1/status"))["rejected_files"]
        return found

    exporter.until(lambda: bool(rejected()))
    (found,) = rejected()
    assert found["file"] == name
    assert found["reason"] == "not_utf8"
    assert "it looks like CP932 (Shift_JIS); save it as UTF-8" in found["detail"]
    assert name in exporter.get("/files").decode()
    assert name in exporter.log.read_text(encoding="utf-8")
    # Saved as UTF-8, it is read.
    (exporter.results / name).write_bytes(document(1))
    exporter.until(lambda: runs(exporter) == 1 and not rejected())


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_check_and_push_take_it(exporter: Exporter, tmp_path: Path, environment: str) -> None:
    variables = ENVIRONMENTS[environment]
    path = tmp_path / f"{STEM}.json"
    path.write_bytes(document(3))
    checked = run(variables, "check", str(path))
    assert checked.returncode == 0, checked.stderr.decode(errors="replace")
    shown = checked.stdout.decode("cp932" if environment == "CP932" else "utf-8")
    # In a locale C, a file's name is bytes, which are shown as such.
    for text in (BENCHMARK,) if environment == "C" else (STEM, BENCHMARK):
        escaped = text.encode("ascii", "backslashreplace").decode()
        turtle = text.replace("🐢", "\\U0001f422") if environment == "CP932" else text
        assert (escaped if environment == "C" else turtle) in shown
    server = {
        "BENCHMARK_EXPORTER_URL": f"http://127.0.0.1:{exporter.port}",
        "BENCHMARK_EXPORTER_TOKEN": TOKEN,
    }
    pushed = run(variables | server, "push", str(path))
    assert pushed.returncode == 0, pushed.stderr
    exporter.until(lambda: runs(exporter) == 1)


def test_check_says_how_to_save_another_encoding_as_utf8(tmp_path: Path) -> None:
    path = tmp_path / f"{STEM}.json"
    path.write_bytes(in_cp932(3))
    checked = subprocess.run(
        [*COMMAND, "check", str(path)],
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    assert checked.returncode == 1
    assert f"{STEM}.json" in checked.stdout + checked.stderr
    assert "`iconv -f CP932 -t UTF-8`" in checked.stdout + checked.stderr
