"""The generated page of metrics, docs/metrics.md."""

import subprocess
import sys

from tests.support.paths import REPOSITORY


def test_the_metrics_page_is_up_to_date() -> None:
    run = subprocess.run(
        [sys.executable, "tools/generate_metrics.py", "--check"],
        cwd=REPOSITORY,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 0, f"regenerate it with `make generate`:\n{run.stdout}{run.stderr}"
