"""Copies of this checkout with a .env of their own, and the Makefile's commands in them."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from stack import settings as stack_settings
from stack.settings import LISTENERS, Settings
from tests.support.paths import REPOSITORY

NOT_COPIED = shutil.ignore_patterns(
    *(".git", ".venv", ".local", "results", "backups", ".env", "*.egg-info"),
    *("__pycache__", ".*_cache", ".hypothesis"),
)
COMMAND_SECONDS = 180.0


def environment_without_settings() -> dict[str, str]:
    """This process' environment without settings of the stack: a checkout's .env is to count."""
    settings = stack_settings.defaults().values
    return {name: value for name, value in os.environ.items() if name not in settings}


def checkout(folder: Path, values: Mapping[str, str]) -> Settings:
    """A copy of this checkout with a .env of its own."""
    shutil.copytree(REPOSITORY, folder, ignore=_not_copied)
    lines = "".join(f"{name}={value}\n" for name, value in values.items())
    (folder / ".env").write_text(lines, encoding="utf-8")
    return stack_settings.load(folder, environ={})


def run_stack(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command of a checkout's Makefile, `status` say."""
    return subprocess.run(
        [sys.executable, "-m", "stack", *words],
        cwd=folder,
        env=environment_without_settings(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )


def write_env(folder: Path, line: str) -> None:
    """Add a line to a checkout's .env; of two lines for a setting the last one counts."""
    with (folder / ".env").open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")


def link_programs(folder: Path) -> None:
    """Give a checkout the programs of this one."""
    (folder / ".local").mkdir(exist_ok=True)
    (folder / ".local/programs").symlink_to(REPOSITORY / ".local/programs")


def ports(free_port: Callable[[], int]) -> dict[str, str]:
    """A free port for each part, as settings."""
    return {part.port_setting: str(free_port()) for part in LISTENERS}


def _not_copied(folder: str, names: list[str]) -> set[str]:
    """What a copy goes without: what `make` makes, and secrets: tests must not page anybody."""
    is_secrets = Path(folder) == REPOSITORY / stack_settings.SECRETS
    secrets = set(names) - {"README.md"} if is_secrets else set()
    return NOT_COPIED(folder, names) | secrets
