import subprocess
import sys

from tests.paths import REPOSITORY


def test_the_page_of_metrics_is_what_the_generator_writes() -> None:
    run = subprocess.run(
        [sys.executable, "docs/generate_metrics.py", "--check"],
        cwd=REPOSITORY,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 0, (
        f"make it anew with `python docs/generate_metrics.py`:\n{run.stdout}{run.stderr}"
    )
