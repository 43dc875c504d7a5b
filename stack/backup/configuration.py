"""What of a checkout is in a backup: settings, configuration that people change, secrets."""

import re
import shutil
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmark_exporter.atomic_write import sync_folder, write_file
from stack import settings as stack_settings
from stack.backup.layout import files_below
from stack.settings import SECRETS, Settings, StackError
from stack.validation import mistakes

ENV = ".env"
# Files and folders; what is in them belongs to a version of this project.
OF_A_VERSION = (
    "exporter/benchmark_exporter/config.yaml",
    "prometheus/prometheus.yml",
    "prometheus/rules",
    "alertmanager/alertmanager.yml",
    "alertmanager/templates",
)
# The user's own, whatever the version.
OWN = ("grafana/dashboards.d", "prometheus/exporters.d")
NOT_OURS = ("README.md",)
# Where what is not put into place goes, below the state folder, and what it has replaced.
ASIDE, NEW, OLD = "from-backup", "restore/checkout-new", "restore/checkout-old"
COMPLETE = ".complete"
FOLDER_MODE = 0o700


def paths(root: Path, *, secrets: bool) -> Iterator[str]:
    """The files of a checkout that a backup has, as paths relative to it."""
    folders = [*OWN, *([str(SECRETS)] if secrets else [])]
    for name in (ENV, *OF_A_VERSION, *folders):
        if (root / name).is_dir():
            yield from (path for path in files_below(root, name) if Path(path).name not in NOT_OURS)
        elif (root / name).is_file():
            yield name


class Checkout:
    """The files of a checkout that a restore puts into place, and back if need be.

    `stage` first; then `swap`, which may be called again after it was interrupted, or `undo`.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._root = settings.root
        self._new = settings.state_dir / NEW
        self._old = settings.state_dir / OLD
        self._aside = settings.state_dir / ASIDE

    def stage(self, files: Mapping[str, tuple[bytes, int]], *, same_version: bool) -> list[str]:
        """Write files where `swap` finds them; gives those that only differ, and stay aside.

        `files` has the content and mode of each path. An `.env` that is here stays: it describes
        this machine. So do files that belong to another version.

        Raises:
            OSError: one cannot be written.
        """
        for folder in (self._new, self._old, self._aside):
            shutil.rmtree(folder, ignore_errors=True)
        self._new.mkdir(mode=FOLDER_MODE, parents=True)
        kept = []
        for path, (data, mode) in files.items():
            here = self._root / path
            if here.is_file() and here.read_bytes() == data:
                continue
            stays = (path == ENV and here.exists()) or (
                path.startswith(OF_A_VERSION) and not same_version
            )
            if stays:
                kept.append(path)
            _write((self._aside if stays else self._new) / path, data, mode)
        return kept

    def aside(self, path: str) -> str:
        """Where a file is that stays aside, relative to the checkout."""
        return str((self._aside / path).relative_to(self._root))

    def settings(self) -> Settings:
        """The settings that hold when the staged files are in place."""
        staged = self._new / ENV
        if not staged.is_file() or (self._root / ENV).exists():
            return self._settings
        return settings_of(self._root, staged.read_bytes())

    def replaced(self) -> list[str]:
        """The paths that `swap` writes."""
        return sorted(files_below(self._new)) if self._new.is_dir() else []

    def swap(self) -> None:
        """Keep what is there, then put the staged files into place.

        Raises:
            OSError: one cannot be written.
        """
        paths = self.replaced()
        if not (self._old / COMPLETE).exists():
            self._old.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
            for path in filter(lambda path: (self._root / path).is_file(), paths):
                _copy(self._root / path, self._old / path)
            (self._old / COMPLETE).touch()
            sync_folder(self._old)
        for path in paths:
            _copy(self._new / path, self._root / path)

    def undo(self) -> None:
        """Put back what was there before `swap`; nothing where it was not called.

        Raises:
            OSError: one cannot be written.
        """
        if (self._old / COMPLETE).exists():
            for path in self.replaced():
                if (self._old / path).is_file():
                    _copy(self._old / path, self._root / path)
                else:
                    (self._root / path).unlink(missing_ok=True)
        self.discard()

    def kept_bytes(self) -> int:
        """The size of what `swap` has replaced."""
        if not self._old.is_dir():
            return 0
        return sum((self._old / path).stat().st_size for path in files_below(self._old))

    def discard(self) -> None:
        """Remove what was staged, and what was there before."""
        for folder in (self._new, self._old):
            shutil.rmtree(folder, ignore_errors=True)


def settings_of(root: Path, env: bytes) -> Settings:
    """The settings that a checkout would have with another .env.

    Raises:
        StackError: it has mistakes; the message names all of them.
    """
    with TemporaryDirectory() as folder:
        shutil.copy(root / ".env.example", folder)
        (Path(folder) / ENV).write_bytes(env)
        found, unknown = stack_settings.read(Path(folder))
    settings = Settings(root, found.values)
    strangers = [f"{name} in the backup's .env is not a setting" for name in unknown]
    if wrong := strangers + mistakes(settings):
        raise StackError("\n".join(wrong))
    return settings


def with_mode(env: bytes, mode: str) -> bytes:
    """An .env whose MODE, if it names one, is another."""
    return re.sub(rb"(?m)^MODE=.*$", f"MODE={mode}".encode(), env)


def _copy(source: Path, target: Path) -> None:
    _write(target, source.read_bytes(), stat.S_IMODE(source.stat().st_mode))


def _write(path: Path, data: bytes, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, data, mode=mode)
