"""systemd units that start the stack of this checkout at boot, and stop it: `make systemd`.

Root gets units of the machine, which run as the checkout's owner; other users get units of their
own. Both are the same unit; those of the machine have a drop-in with what needs root.
"""

import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmark_exporter.atomic_write import write_file
from stack import parts
from stack.settings import Settings, StackError

UNIT = "strataregula-monitoring"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")
TEMPLATES = Path("systemd")
# Where a unit of the machine is, and where that of a user is in the user's configuration folder.
SYSTEM_FOLDER = Path("/etc/systemd/system")
USER_FOLDER = Path("systemd/user")
# How the Docker engine of a user is found.
OF_THE_ENGINE = ("DOCKER_CONFIG", "DOCKER_CONTEXT", "DOCKER_HOST")
# Where systemd runs; its own way of saying so, as in sd_booted(3).
BOOTED = Path("/run/systemd/system")


@dataclass(frozen=True, slots=True)
class Place:
    """Whose systemd it is: the folder of its units, how it is called, and what starts them."""

    folder: Path
    systemctl: str
    target: str
    is_system: bool


def place(environ: Mapping[str, str] = os.environ, user_id: int | None = None) -> Place:
    """The machine's systemd for root, else that of the user."""
    if (os.geteuid() if user_id is None else user_id) == 0:
        return Place(SYSTEM_FOLDER, "systemctl", "multi-user.target", is_system=True)
    home = Path(environ.get("HOME") or Path.home())
    folder = Path(environ.get("XDG_CONFIG_HOME") or home / ".config") / USER_FOLDER
    return Place(folder, "systemctl --user", "default.target", is_system=False)


def units(
    settings: Settings, mode: str, where: Place, name: str, environ: Mapping[str, str] = os.environ
) -> Mapping[Path, str]:
    """The text of each file of the unit, by the path where systemd reads it.

    Raises:
        StackError: systemd could not read the name or a path, or there is no make.
    """
    if not NAME.fullmatch(name):
        raise StackError(f"NAME must be letters, digits and dashes, not '{name}'")
    make = shutil.which("make", path=environ.get("PATH"))
    if make is None:
        raise StackError("make is not on PATH, which the unit would call")
    variables = {"MODE": mode, "PATH": environ.get("PATH", os.defpath)}
    if parts.is_exporter_alone(settings):
        variables["PARTS"] = settings["PARTS"]
    if mode == "compose":
        variables |= {key: environ[key] for key in OF_THE_ENGINE if environ.get(key)}
    values = {
        "ROOT": _escaped(str(settings.root)),
        "USER": pwd.getpwuid(settings.root.stat().st_uid).pw_name,
        "TARGET": where.target,
        "MAKE": make,
        "ENVIRONMENT": " ".join(_quoted(f"{key}={value}") for key, value in variables.items()),
    }
    unit = where.folder / f"{name}.service"
    found = {unit: _filled(settings, f"{mode}.service", values)}
    if where.is_system:
        drop_in = where.folder / f"{name}.service.d/system.conf"
        found[drop_in] = _filled(settings, f"{mode}-system.conf", values)
    return found


def show(files: Mapping[Path, str]) -> Iterator[str]:
    """Yields the lines of all files, each after its path, as `systemctl cat` prints them."""
    for path, text in files.items():
        yield f"# {path}"
        yield from text.splitlines()
        yield ""


def install(settings: Settings, where: Place, files: Mapping[Path, str]) -> Iterator[str]:
    """Write the files and have systemd read them; yields what is done and what to do next.

    Nothing is started, and nothing is enabled.

    Raises:
        StackError: a unit of that name is another checkout's.
        OSError: a file cannot be written.
    """
    for path, text in files.items():
        _refuse_others(settings, path)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, text.encode())
        path.chmod(0o644)
        yield f"wrote {path}"
    unit = next(iter(files)).name
    if not _reloaded(where):
        yield f"systemd does not answer; before the next step: {where.systemctl} daemon-reload"
    yield f"to start it now and at each boot: {where.systemctl} enable --now {unit}"
    if not where.is_system:
        yield "a user's units start at boot and survive a logout only with: loginctl enable-linger"


def _reloaded(where: Place) -> bool:
    if not BOOTED.is_dir():
        return False
    command = [*where.systemctl.split(), "daemon-reload"]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    except FileNotFoundError:
        return False
    return done.returncode == 0


def _refuse_others(settings: Settings, path: Path) -> None:
    """Refuse to replace the unit of another checkout that is still there."""
    if not path.exists():
        return
    for line in path.read_text(encoding="utf-8").splitlines():
        setting, _, value = line.partition("=")
        other = Path(value.replace("%%", "%"))
        if setting == "WorkingDirectory" and other != settings.root and other.exists():
            raise StackError(
                f"{path} starts the stack in {other}; remove it, or choose another name for this "
                "checkout's: make systemd INSTALL=yes NAME=strataregula-second"
            )


def _filled(settings: Settings, template: str, values: Mapping[str, str]) -> str:
    text = (settings.root / TEMPLATES / template).read_text(encoding="utf-8")
    for key, value in {**values, "SOURCE": str(TEMPLATES / template)}.items():
        text = text.replace(f"@{key}@", value)
    return text


def _escaped(path: str) -> str:
    """A path as the rest of a line, in which only a percent sign means something to systemd.

    Raises:
        StackError: systemd could not read it.
    """
    if not path.isprintable() or path != path.strip() or path.endswith("\\"):
        raise StackError(f"systemd cannot read the path {path!r}; move the checkout elsewhere")
    return path.replace("%", "%%")


def _quoted(assignment: str) -> str:
    """A variable of Environment= in quotes, without characters that mean something there."""
    escaped = assignment.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'
