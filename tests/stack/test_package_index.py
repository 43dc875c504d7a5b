"""That pip's index answers is known before pip tries."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.rules.endpoints import http_endpoint
from tests.support.paths import REPOSITORY

# Without waiting for any start or retry, which take longer. The machine may be busy.
NAMED_SECONDS = 10.0


def check(tmp_path: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run it for a user without a configuration of pip, as far as this machine has none."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    environment |= {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path), **variables}
    return subprocess.run(
        [sys.executable, str(REPOSITORY / "stack/package_index.py")],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_index_that_nobody_serves_is_named_at_once(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    port, started = free_port(), time.monotonic()
    done = check(tmp_path, PIP_INDEX_URL=f"http://me:secret@127.0.0.1:{port}/simple")
    assert time.monotonic() - started < NAMED_SECONDS
    assert done.returncode == 1
    assert f"cannot be reached (127.0.0.1:{port}/simple: " in done.stderr
    assert "secret" not in done.stderr
    assert "Traceback" not in done.stderr


def test_a_name_that_nobody_knows_is_named_at_once(tmp_path: Path) -> None:
    started = time.monotonic()
    done = check(tmp_path, PIP_INDEX_URL="https://index.invalid/simple")
    assert time.monotonic() - started < NAMED_SECONDS
    assert done.returncode == 1
    assert "index.invalid/simple" in done.stderr


def test_any_answer_will_do(tmp_path: Path) -> None:
    with http_endpoint() as server:  # which knows no GET
        assert check(tmp_path, PIP_INDEX_URL=server.url).returncode == 0


@pytest.mark.parametrize(
    "line", ["index-url = file:///srv/wheels", "no-index = true", "proxy = http://127.0.0.1:9"]
)
def test_what_pip_does_without_an_index_is_left_to_pip(tmp_path: Path, line: str) -> None:
    (tmp_path / "pip").mkdir()
    (tmp_path / "pip/pip.conf").write_text(f"[global]\n{line}\n")
    assert check(tmp_path).returncode == 0


def test_the_first_make_says_so_and_leaves_nothing_half_made(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    venv = tmp_path / "venv"
    done = subprocess.run(
        [str(REPOSITORY / "stack/make-venv"), str(venv), "requirements.txt"],
        env={**os.environ, "PIP_INDEX_URL": f"http://127.0.0.1:{free_port()}/simple"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "package index cannot be reached" in done.stderr
    assert not venv.exists()
