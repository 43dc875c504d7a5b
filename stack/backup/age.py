"""When the newest backup of this checkout was made, as metrics in node_exporter's textfile folder.

The folder belongs to the checkout and is not part of a backup, so a restore makes none look new.
"""

from pathlib import Path

from benchmark_exporter.atomic_write import write_file
from stack.settings import Settings

FOLDER = "node_exporter/textfile"
NEWEST, LONGEST = "backup.prom", "backup_max_age.prom"
SETTING = "BACKUP_MAX_AGE_DAYS"
METRICS = (LAST, DURATION, SIZE, MAX_AGE) = (
    "stack_backup_last_success_timestamp_seconds",
    "stack_backup_duration_seconds",
    "stack_backup_size_bytes",
    "stack_backup_max_age_seconds",
)
MODE = 0o644  # node_exporter's container runs as another user
DAY_SECONDS = 86_400


def note(settings: Settings, *, ended_seconds: float, took_seconds: float, size_bytes: int) -> None:
    """Note a backup that is complete; its end is in seconds since 1970.

    Raises:
        OSError: the folder cannot be written to.
    """
    gauges = (
        _gauge(LAST, "When the newest complete backup of the stack ended.", ended_seconds),
        _gauge(DURATION, "How long the newest backup took.", took_seconds),
        _gauge(SIZE, "Size of the newest backup's file.", size_bytes),
    )
    _write(settings, NEWEST, "".join(gauges))


def note_longest(settings: Settings) -> None:
    """Note the age from which BackupTooOld fires, by BACKUP_MAX_AGE_DAYS; 0 is never.

    Raises:
        OSError: the folder cannot be written to.
    """
    days = float(settings[SETTING])
    if not days:
        _path(settings, LONGEST).unlink(missing_ok=True)
        return
    help_text = "The age of the newest backup from which BackupTooOld fires."
    _write(settings, LONGEST, _gauge(MAX_AGE, help_text, days * DAY_SECONDS))


def is_days(value: str) -> bool:
    """Whether a setting is a number of days; 0 for never."""
    return value.isascii() and value.replace(".", "", 1).isdecimal() and float(value) < 36_500


def _gauge(name: str, help_text: str, value: float) -> str:
    return f"# HELP {name} {help_text}\n# TYPE {name} gauge\n{name} {value!r}\n"


def _path(settings: Settings, name: str) -> Path:
    return settings.root / FOLDER / name


def _write(settings: Settings, name: str, text: str) -> None:
    path = _path(settings, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        write_file(path, text.encode(), mode=MODE)
