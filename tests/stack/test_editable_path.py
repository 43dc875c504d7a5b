"""An environment below a folder whose name is not ASCII works in the C locale too."""

import subprocess
import sys
from pathlib import Path

from tests.support.paths import REPOSITORY


def test_a_path_that_is_not_ascii_is_found_in_the_c_locale(tmp_path: Path) -> None:
    exporter, venv = tmp_path / "計測 1/exporter", tmp_path / "計測 1/.venv"
    exporter.mkdir(parents=True)
    (exporter / "benchmark_exporter.py").write_text("print('found')")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    (site,) = venv.glob("lib/python3*/site-packages")
    (site / "_benchmark_exporter.pth").write_text(str(exporter), encoding="utf-8")
    python = venv / "bin/python"
    script = REPOSITORY / "stack/editable_path.py"
    subprocess.run([python, "-S", script, exporter, venv], check=True)
    done = subprocess.run(
        [python, "-c", "import benchmark_exporter"],
        env={"LC_ALL": "C"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("found\n", "")
