"""`benchmark-exporter run` as a process, in the folder that holds a results folder."""

import subprocess
from pathlib import Path
from typing import Any

from tests.support.monitored import DEADLINE_SECONDS, RUN


def run(results: Path, *words: str, **how: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*RUN, *words],
        cwd=results.parent,
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
        **how,
    )


def start(results: Path, *words: str, **how: Any) -> subprocess.Popen[str]:
    return subprocess.Popen([*RUN, *words], cwd=results.parent, text=True, **how)


def has_line(results: Path, kind: str) -> bool:
    return any(f'"type":"{kind}"' in path.read_text() for path in (results / "live").glob("*"))
