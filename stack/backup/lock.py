"""One backup or restore of a checkout at a time."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from stack.settings import Settings, StackError

NAME = "backup.lock"


@contextmanager
def exclusive(settings: Settings) -> Iterator[None]:
    """Keep other backups and restores of this checkout out; the system ends it with the process.

    Raises:
        StackError: one runs.
    """
    settings.state_dir.mkdir(exist_ok=True)
    with (settings.state_dir / NAME).open("wb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StackError(
                "a backup or restore of this checkout is running; wait until it has ended"
            ) from error
        yield
