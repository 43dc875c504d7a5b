"""The upgrade drill as containers: 0.5.0's ledger in the volume, and back by docs/upgrading.md."""

import re
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from stack.compose import engine_answers
from stack.settings import EXPORTER
from tests.stack.backends import Backend, run_compose
from tests.stack.checkouts import environment_without_settings
from tests.support.paths import REPOSITORY
from tests.support.upgrades import changed_figures, unpack

VOLUME = "/var/lib/benchmark-exporter"
SCHEMA = (
    f"import sqlite3; print(sqlite3.connect('{VOLUME}/ledger.sqlite3')"
    ".execute('PRAGMA user_version').fetchone()[0])"
)


@pytest.fixture
def containers(
    tmp_path: Path,
    free_port: Callable[[], int],
    images: Callable[[], Mapping[str, str]],
) -> Iterator[Backend]:
    if not engine_answers():
        pytest.skip("no Docker engine with the compose plugin answers")
    yield from run_compose(tmp_path / "checkout", free_port, images())


def in_volume(backend: Backend, *words: str) -> str:
    """What a program prints in a container that has the exporter's volume."""
    run = ("compose", "run", "--rm", "--no-deps", "--entrypoint", words[0], "exporter")
    done = backend.command(*run, *words[1:])
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_ledger_of_a_volume_is_taken_over_and_goes_back(
    containers: Backend, tmp_path: Path
) -> None:
    earlier = unpack("0.5.0", tmp_path / "earlier")
    here = containers.settings
    hidden = here.results_dir / ".earlier"  # where the container can read it
    hidden.mkdir(mode=0o755)
    shutil.copy(earlier.ledger, hidden)
    shutil.copy(earlier.config, here.root / "exporter/benchmark_exporter/config.yaml")
    assert containers.command("down").returncode == 0
    replace = f"cd {VOLUME} && rm -f ledger.sqlite3* && cp /results/.earlier/ledger.sqlite3 ."
    in_volume(containers, "sh", "-c", replace)

    up = containers.command("up")
    assert up.returncode == 0, up.stdout + up.stderr
    with urllib.request.urlopen(EXPORTER.url(here, "/metrics")) as answer:
        assert changed_figures(earlier.metrics, answer.read().decode()) == {}
    assert containers.command("down").returncode == 0

    page = (REPOSITORY / "docs/upgrading.md").read_text(encoding="utf-8")
    documented = re.search(r'^make compose ARGS="(.*?)"$', page, re.DOTALL | re.MULTILINE)
    assert documented is not None
    command = f"{sys.executable} -m stack compose {documented[1]}".replace("\\\n", "")
    back = subprocess.run(
        ["bash", "-c", command],
        cwd=here.root,
        env=environment_without_settings(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert back.returncode == 0, back.stderr
    assert in_volume(containers, "python", "-c", SCHEMA).strip() == str(earlier.schema)
