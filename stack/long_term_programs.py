"""VictoriaMetrics and vmauth on this machine: on PATH, or unpacked from Debian's packages.

The package is that of a newer release than this machine's: Debian 12's version, 1.79, takes the
credential on its command line alone, where every user of the machine sees it.
"""

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from stack.settings import ROOT, StackError

RELEASE, PACKAGE = "forky", "victoria-metrics"
# The names of each program: Debian's and upstream's.
NAMES = {
    "victoriametrics": ("victoria-metrics", "victoria-metrics-prod"),
    "vmauth": ("vmauth", "vmauth-prod"),
}
# What a version that reads the credential from a file says in its help.
READS_FILES = "-httpAuth.password=file://"
# Its other programs take 200 MB.
KEPT = ("victoria-metrics", "vmauth", "vmbackup", "vmrestore")
UNPACKED_BYTES = 400_000_000


class LongTermPrograms:
    """The programs that PATH and one folder offer. `fetch` fills the folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def argv(self, name: str) -> list[str]:
        """Give the words that run a program.

        Raises:
            StackError: it is not there.
        """
        for candidate in NAMES[name]:
            unpacked = self._folder / "usr/bin" / candidate
            if found := shutil.which(candidate):
                return [found]
            if unpacked.is_file():
                return [str(unpacked)]
        raise StackError(f"{name} is neither on PATH nor in {self._folder}; `make up` fetches it")

    def missing(self) -> list[str]:
        """The names of the programs that are not there."""
        return [name for name in NAMES if not self._has(name)]

    def fetch(self) -> Iterator[str]:
        """Unpack Debian's package where a program is missing; yields what is done.

        Raises:
            StackError: it cannot be had, or a program on PATH is too old.
        """
        if missing := self.missing():
            yield f"fetching {', '.join(missing)} of Debian {RELEASE} (once)"
            self._unpack()
        for name in NAMES:
            _check(name, self.argv(name))

    def _unpack(self) -> None:
        self._folder.parent.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(self._folder.parent).free < UNPACKED_BYTES:
            raise StackError(
                f"{self._folder}: the disk is too full to unpack VictoriaMetrics, which takes "
                f"{UNPACKED_BYTES / 1e6:.0f} MB; make room and run it again"
            )
        part = self._folder.with_name(f"{self._folder.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        done = subprocess.run(
            [ROOT / "stack/debian-packages", RELEASE, part, PACKAGE],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            shutil.rmtree(part, ignore_errors=True)
            reason = "\n".join(f"  {line}" for line in done.stderr.strip().splitlines()[-5:])
            raise StackError(
                f"LONG_TERM_STORE=yes: Debian's package {PACKAGE} cannot be fetched:\n{reason}\n"
                "put victoria-metrics and vmauth 1.100 or newer on PATH, or use MODE=compose"
            )
        for program in (part / "usr/bin").iterdir():
            if program.name not in KEPT:
                program.unlink()
        shutil.rmtree(self._folder, ignore_errors=True)
        part.rename(self._folder)

    def _has(self, name: str) -> bool:
        try:
            self.argv(name)
        except StackError:
            return False
        return True


def _check(name: str, argv: Sequence[str]) -> None:
    done = subprocess.run([*argv, "-help"], capture_output=True, text=True, check=False)
    if READS_FILES not in done.stdout + done.stderr:
        raise StackError(
            f"{argv[0]} is too old: it does not read its password from a file; put a newer "
            f"{name} on PATH, or take this one off it and `make up` fetches one"
        )
