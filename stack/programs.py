"""The stack's programs on this machine: those found on PATH, else unpacked from Debian's packages into .local/programs."""

import shutil
import subprocess
from pathlib import Path

from stack.settings import ROOT, StackError

# What each program is called: upstream, and by Debian.
NAMES = {
    "prometheus": ("prometheus",),
    "promtool": ("promtool",),
    "alertmanager": ("alertmanager", "prometheus-alertmanager"),
    "amtool": ("amtool",),
    "node_exporter": ("node_exporter", "prometheus-node-exporter"),
}
# Those that end in ? are what Prometheus' own pages show, as far as the release has them; newer ones have promtool in a package of its own.
PACKAGES = (
    *("prometheus", "prometheus-alertmanager", "prometheus-node-exporter", "promtool?"),
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
# Debian's builds of these read files from a folder that is compiled into them: Alertmanager its default templates, Prometheus its pages.
# Where the package is unpacked, not installed, the path is rewritten, as conda does with prefixes, to one of the same length that
# leads to their working folder. A mount namespace would serve too, but Ubuntu and most containers allow none without root.
NEED_SHARE = ("prometheus", "alertmanager")
SHARE = Path("usr/share/prometheus")
COMPILED_IN = f"/{SHARE}".encode()
WORKING_FOLDER = b"/proc/self/cwd".ljust(len(COMPILED_IN), b"/")


class Programs:
    """The programs that one folder, beside PATH, offers. `fetch` fills the folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def argv(self, name: str) -> list[str] | None:
        """Give the words that run a program; None where it is neither on PATH nor unpacked."""
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
        """Names of the programs that are not there."""
        return [name for name, candidates in NAMES.items() if not any(map(self._has, candidates))]

    def fetch(self) -> None:
        """Unpack Debian's packages. All or nothing: a fetch that is cut off leaves no folder.

        Raises:
            StackError: this machine has no apt, or apt cannot fetch them.
        """
        if shutil.which("apt-get") is None:
            raise StackError(
                f"{', '.join(self.missing())}: not on PATH, and this is neither Debian nor Ubuntu, whose packages could be unpacked; "
                "install Prometheus, Alertmanager and node_exporter so that they are on PATH, or use Docker (MODE=compose)"
            )
        part = self._folder.with_name(f"{self._folder.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        done = subprocess.run(
            [ROOT / "stack/debian-packages", "own", part, *PACKAGES],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise StackError(
                f"the packages of Prometheus, Alertmanager and node_exporter cannot be fetched:\n{_last_lines(done.stderr)}\n"
                "put the programs on PATH some other way, or mend apt's sources (`apt-get update` shows what is wrong), and run it again"
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


def _last_lines(text: str, count: int = 5) -> str:
    return "\n".join(f"  {line}" for line in text.strip().splitlines()[-count:])
