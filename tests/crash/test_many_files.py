"""A folder with many files, CRASH_FILES of them, before the exporter starts."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

from tests.support.documents import perf_suite
from tests.support.killed import Process, drop_batch, undisturbed

FILES = int(os.environ.get("CRASH_FILES", "3000"))
FILES_A_FOLDER = 1000


def test_a_full_folder_is_ingested_once_and_what_follows_soon(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    exporter = Process(tmp_path, free_port())
    exporter.kill()
    for number in range(FILES):
        folder = exporter.results / f"{number // FILES_A_FOLDER}"
        folder.mkdir(exist_ok=True)
        day, seconds = divmod(number, 86_400)
        hours, minutes = seconds // 3600, seconds // 60 % 60
        made = f"2026-03-{day + 1:02}T{hours:02}:{minutes:02}:{seconds % 60:02}Z"
        (folder / f"{number}.json").write_text(json.dumps(perf_suite(f"{number}", timestamp=made)))
    (exporter.results / "never-finished.json").write_text('{"run": ')
    expected = undisturbed(exporter.results, tmp_path / "undisturbed")
    # The larger the folder, the rarer the scans, which also reject incomplete files.
    deadline_seconds = 20 + FILES / 500
    started = time.monotonic()
    exporter.launch()
    try:
        exporter.until_shown(expected, deadline_seconds)
        print(f"{FILES} files after {time.monotonic() - started:.1f} s")
        exporter.kill()
        started = time.monotonic()
        exporter.start()
        print(f"ready again after {time.monotonic() - started:.1f} s")
        exporter.until_shown(expected, deadline_seconds)
        drop_batch(exporter.results, 1)
        exporter.until_shown(undisturbed(exporter.results, tmp_path / "after"), deadline_seconds)
    finally:
        exporter.kill()
