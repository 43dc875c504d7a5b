"""A file that cannot be used is named once, with the system's reason in words."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.support.documents import result
from tests.support.process import COMMAND, DEADLINE_SECONDS


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ("serve --config none.yaml", "none.yaml"),
        ("serve --config folder", "folder"),
        ("serve --metrics none.yaml", "none.yaml"),
        ("serve --results-dir none", "none"),
        ("serve --results-dir odd.json", "odd.json"),
        ("serve --credential-file none", "none"),
        ("check none.json", "none.json"),
        ("check --gate none.json", "none.json"),
        ("check --gate good.json --summary none/summary.md", "none/summary.md"),
        ("check --gate good.json --report none/report.json", "none/report.json"),
        ("check --config none.yaml odd.json", "none.yaml"),
        ("push odd.json --url http://127.0.0.1:1 --token-file none", "none"),
        ("backfill --dry-run none.json", "none.json"),
        ("import --dry-run none.json", "none.json"),
        ("comment --from none.json", "none.json"),
        ("compare --base-results none --head-results folder", "none"),
        ("history --ledger none.sqlite3", "none.sqlite3"),
    ],
)
def test_it_is_named_once_and_in_words(line: str, path: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "odd.json").write_text('{"a": 1}')
    (tmp_path / "good.json").write_text(json.dumps(result(1, {"parsing": 1.0})))
    done = subprocess.run(
        [*COMMAND, *line.split()],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE_SECONDS,
    )
    assert done.returncode in (1, 2)
    said = done.stdout + done.stderr
    assert "Errno" not in said
    assert said.count(path) == 1, said
