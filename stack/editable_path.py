"""Writes the path of the exporter's editable install so that Python can read it in any locale.

Python reads the file in the locale's encoding. That of LC_ALL=C has no other characters than ASCII,
so a checkout below a folder with others could not be started: a path that is relative to the
environment has none of them.

    python -S editable_path.py EXPORTER VENV
"""

import os
import sys
from pathlib import Path

NAME = "_benchmark_exporter.pth"


def write(exporter: str, venv: str) -> None:
    """Replace the path in an environment by a relative one if it is not ASCII."""
    (site,) = Path(venv).glob("lib/python3*/site-packages")
    file = site / NAME
    if not os.path.abspath(exporter).isascii():  # noqa: PTH100  # which leaves .. to the file system
        file.write_text(os.path.relpath(exporter, site), encoding="utf-8")


if __name__ == "__main__":
    write(sys.argv[1], sys.argv[2])
