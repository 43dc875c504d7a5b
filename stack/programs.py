"""The stack's programs on this machine: on PATH, or unpacked from Debian's packages."""

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from stack.settings import ROOT, StackError

# The names of each program: upstream's and Debian's.
NAMES = {
    "prometheus": ("prometheus",),
    "promtool": ("promtool",),
    "alertmanager": ("alertmanager", "prometheus-alertmanager"),
    "amtool": ("amtool",),
    "node_exporter": ("node_exporter", "prometheus-node-exporter"),
    "caddy": ("caddy",),
}
# Those that end in ? are left out where the release does not have them: promtool, which older
# releases have in prometheus, and what Prometheus' own pages load.
# What an exporter alone takes: its proxy, whose package has the same name.
EXPORTER_ALONE_NAMES = ("caddy",)
PACKAGES = (
    *("prometheus", "prometheus-alertmanager", "prometheus-node-exporter", "promtool?", "caddy"),
    *(
        "fonts-glyphicons-halflings?",
        "libjs-bootstrap4?",
        "libjs-d3?",
        "libjs-eonasdan-bootstrap-datetimepicker?",
        "libjs-jquery?",
    ),
    *(
        "libjs-jquery-hotkeys?",
        "libjs-moment?",
        "libjs-moment-timezone?",
        "libjs-mustache?",
        "libjs-popper.js?",
        "libjs-rickshaw?",
    ),
)
# Debian's builds of these read files from a folder that is compiled into them: Alertmanager its
# default templates, Prometheus its pages. Where the package is unpacked and not installed, the path
# is rewritten, as conda does with prefixes, to one of the same length that leads to their working
# folder. A mount namespace would do too, but Ubuntu and most containers allow none without root.
NEED_SHARE = ("prometheus", "alertmanager")
SHARE = Path("usr/share/prometheus")
COMPILED_IN = f"/{SHARE}".encode()
WORKING_FOLDER = b"/proc/self/cwd".ljust(len(COMPILED_IN), b"/")
# What Debian 12's packages take, with room for newer ones: unpacked, and before that in TMPDIR.
UNPACKED_BYTES, DOWNLOADED_BYTES = 500_000_000, 200_000_000
# How apt and dpkg say so.
DISK_FULL = ("No space left on device", "don't have enough free space")


class Programs:
    """The programs that PATH and one folder offer. `fetch` fills the folder."""

    def __init__(self, folder: Path, names: Sequence[str] = tuple(NAMES)) -> None:
        self._folder = folder
        self._names = names

    def argv(self, name: str) -> list[str] | None:
        """Give the words that run a program; None if it is neither on PATH nor unpacked."""
        for candidate in NAMES[name]:
            found = shutil.which(candidate)
            if found is not None:
                return [found]
        for candidate in NAMES[name]:
            unpacked = self._folder / "usr/bin" / candidate
            if unpacked.is_file():
                if name not in NEED_SHARE:
                    return [str(unpacked)]
                return [
                    "sh",
                    "-c",
                    'cd "$0" && exec "$@"',
                    str(self._folder / SHARE),
                    str(unpacked),
                ]
        return None

    def missing(self) -> list[str]:
        """The names of the programs that are not there."""
        return [name for name in self._names if not any(map(self._has, NAMES[name]))]

    def fetch(self) -> None:
        """Unpack Debian's packages. All or nothing: an interrupted fetch leaves no folder.

        Raises:
            StackError: the disk is too full, this machine has no apt, or apt cannot fetch them.
        """
        if shutil.which("apt-get") is None:
            raise StackError(
                f"{', '.join(self.missing())}: not on PATH, and this is neither Debian nor Ubuntu, "
                "whose packages could be unpacked; put Prometheus, Alertmanager, node_exporter and "
                "Caddy on PATH, or use Docker (MODE=compose)"
            )
        _check_space(self._folder.parent, UNPACKED_BYTES)
        _check_space(Path(tempfile.gettempdir()), DOWNLOADED_BYTES)
        part = self._folder.with_name(f"{self._folder.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        packages = EXPORTER_ALONE_NAMES if self._names == EXPORTER_ALONE_NAMES else PACKAGES
        done = subprocess.run(
            [ROOT / "stack/debian-packages", "own", part, *packages],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            shutil.rmtree(part, ignore_errors=True)
            advice = (
                "the disk is full: make room and run it again"
                if any(words in done.stderr for words in DISK_FULL)
                else "put the programs on PATH some other way, or fix apt's sources (`apt-get "
                "update` shows what is wrong), and run it again"
            )
            raise StackError(
                "the packages of Prometheus, Alertmanager, node_exporter and Caddy cannot be "
                "fetched:\n"
                f"{_last_lines(done.stderr)}\n{advice}"
            )
        for program in (
            part / "usr/bin" / candidate for name in NEED_SHARE for candidate in NAMES[name]
        ):
            if program.is_file():
                program.write_bytes(program.read_bytes().replace(COMPILED_IN, WORKING_FOLDER))
        shutil.rmtree(self._folder, ignore_errors=True)
        part.rename(self._folder)

    def _has(self, candidate: str) -> bool:
        return (
            shutil.which(candidate) is not None or (self._folder / "usr/bin" / candidate).is_file()
        )


def _check_space(folder: Path, needed_bytes: int) -> None:
    if (free := shutil.disk_usage(folder).free) < needed_bytes:
        raise StackError(
            f"{folder}: the disk is too full to unpack Prometheus, Alertmanager, node_exporter "
            f"and Caddy, {free / 1e6:.0f} MB are free and {needed_bytes / 1e6:.0f} MB needed; "
            "make room and run it again"
        )


def _last_lines(text: str, count: int = 5) -> str:
    return "\n".join(f"  {line}" for line in text.strip().splitlines()[-count:])
