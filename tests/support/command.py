"""The command, run to its end."""

import os
import subprocess
from pathlib import Path

from tests.support.process import COMMAND, DEADLINE_SECONDS


def run(
    *words: str | Path, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs `benchmark-exporter` with these words; `environment` adds to the test's own."""
    return subprocess.run(
        [*COMMAND, *words],
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )
