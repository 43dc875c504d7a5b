"""Compose's project name: whose containers and volumes are those of this checkout."""

import json
import subprocess
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from stack.settings import Settings, StackError

# What every checkout was called before 0.6.
OLD_NAME = "strataregula-monitoring"
RECORD = "compose_project.json"
WORKING_DIR = "com.docker.compose.project.working_dir"
PROJECT = "com.docker.compose.project"


def project_name(settings: Settings) -> str:
    """Give the name under which Compose knows this checkout.

    In this order: COMPOSE_PROJECT_NAME; the name that this checkout's containers were started
    with; the name of versions before 0.6, if containers of it were started from this checkout;
    a name made of the checkout's path.
    """
    if chosen := settings["COMPOSE_PROJECT_NAME"]:
        return chosen
    if recorded := _recorded(settings):
        return recorded
    if str(settings.root) in working_folders(OLD_NAME):
        return OLD_NAME
    return derived_name(settings.root)


def derived_name(root: Path) -> str:
    """Make a name of a checkout's path; another path has another name."""
    return f"strataregula-{sha256(str(root).encode()).hexdigest()[:8]}"


def refuse_others(name: str, settings: Settings) -> None:
    """Check that no other checkout's containers have this name.

    Raises:
        StackError: they do.
    """
    if others := working_folders(name) - {str(settings.root)}:
        raise StackError(
            f"the containers of project {name} belong to {', '.join(sorted(others))}; `make down` "
            "there, or set another COMPOSE_PROJECT_NAME in .env"
        )


def claim(name: str, settings: Settings) -> Iterator[str]:
    """Note that this checkout's containers have this name; yields what the user should know."""
    is_first = name != OLD_NAME and not _recorded(settings)
    if is_first and volumes(OLD_NAME) and not working_folders(OLD_NAME):
        yield (
            f"there are volumes of project {OLD_NAME}, which was every checkout's name before "
            f"0.6; if they are yours, set COMPOSE_PROJECT_NAME={OLD_NAME} in .env and run "
            "`make down` and `make up`"
        )
    record = {"checkout": str(settings.root), "project": name}
    (settings.state_dir / RECORD).write_text(json.dumps(record) + "\n", encoding="utf-8")


def is_claimed(settings: Settings) -> bool:
    """Whether this checkout was ever started as containers, and not cleaned since."""
    return bool(_recorded(settings))


def release(settings: Settings) -> None:
    """Forget the name: nothing that has it is left."""
    (settings.state_dir / RECORD).unlink(missing_ok=True)


def working_folders(name: str) -> set[str]:
    """The checkouts from which the containers of a project were started."""
    listed = _docker(
        *("ps", "--all", "--filter", f"label={PROJECT}={name}"),
        *("--format", f'{{{{.Label "{WORKING_DIR}"}}}}'),
    )
    return set(listed)


def volumes(name: str) -> list[str]:
    """The volumes of a project."""
    filters = ("--filter", f"label={PROJECT}={name}")
    return sorted(_docker("volume", "ls", *filters, "--format", "{{.Name}}"))


def _recorded(settings: Settings) -> str:
    try:
        record = json.loads((settings.state_dir / RECORD).read_text(encoding="utf-8"))
        checkout, name = record["checkout"], record["project"]
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    # A record of another checkout came here with a copy of it, unless that one was moved here.
    is_here = checkout == str(settings.root) or not Path(checkout).exists()
    return str(name) if is_here else ""


def _docker(*words: str) -> list[str]:
    try:
        done = subprocess.run(
            ["docker", *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:  # none, or none that may be run
        return []
    return [line.strip() for line in done.stdout.splitlines() if line.strip()]
