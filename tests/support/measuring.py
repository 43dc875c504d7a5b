"""Runs of the programs in benchmarks/, and what they measured."""

import re
import subprocess
import sys
from pathlib import Path

from tests.support.paths import REPOSITORY

DEADLINE_SECONDS = 180.0


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *words],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )


def figures(path: Path) -> dict[str, float]:
    """The measured values by the first column of the table."""
    rows = re.findall(
        r"^\| (?P<what>[^|]+) \| (?P<value>[0-9][0-9,.e-]*) ",
        path.read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    return {what: float(value.replace(",", "")) for what, value in rows}
