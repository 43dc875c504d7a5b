"""Stopping and starting a part of a stack of processes, which its supervisor would restart."""

import subprocess
import sys

from stack.settings import Part, Settings


def supervisorctl(settings: Settings, command: str, part: Part) -> None:
    """Has the supervisor stop or start a part, and waits until it has."""
    configuration = settings.state_dir / "supervisord.conf"
    words = ("-m", "supervisor.supervisorctl", "-c", str(configuration), command, part.name)
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
