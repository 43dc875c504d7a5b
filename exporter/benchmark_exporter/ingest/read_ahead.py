"""Reads the next batch of files while the one before is committed, which waits for the disk."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Thread
from types import TracebackType
from typing import Self

from benchmark_exporter.ingest.inbox import Candidate
from benchmark_exporter.ingest.reading import ReadFile

# A batch of more is read when it is its turn: two are in memory at a time.
MAX_AHEAD_BYTES = 4 * 1024 * 1024

Read = Callable[[Sequence[Candidate]], list[ReadFile]]


class ReadAhead:
    """One batch that a thread of its own reads; leaving the context waits for its end.

    A commit takes about as long as reading a batch, and needs the interpreter's lock no more than
    the disk's answer does. During anything else, two threads would take the lock from each other.
    """

    def __init__(self, read: Read) -> None:
        self._read = read
        self._batch: Sequence[Candidate] = ()
        self._thread: Thread | None = None
        self._done: list[ReadFile] | None = None
        self._error: BaseException | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.wait()

    def wait(self) -> None:
        """Waits until what was begun has been read."""
        if self._thread is not None:
            self._thread.join()

    def begin(self, batch: Sequence[Candidate]) -> None:
        """Begins to read a batch, unless it is too large to be kept for later."""
        if not batch or sum(candidate.size_bytes for candidate in batch) > MAX_AHEAD_BYTES:
            return
        self._batch, self._done, self._error = batch, None, None
        thread = Thread(target=self._run, name="read-ahead")
        with suppress(RuntimeError):  # there may be no room for another thread
            thread.start()
            self._thread = thread

    def take(self, batch: Sequence[Candidate]) -> list[ReadFile]:
        """The files of a batch, which is read now if it was not begun.

        Raises:
            OSError: the process or the machine ran out of a resource; not the fault of a file.
        """
        thread, self._thread = self._thread, None
        if thread is None:
            return self._read(batch)
        thread.join()
        done, error = self._done, self._error
        self._done = self._error = None
        if error is not None:
            raise error
        if done is None or self._batch is not batch:
            return self._read(batch)
        return done

    def _run(self) -> None:
        try:
            self._done = self._read(self._batch)
        except BaseException as error:  # for `take` to raise
            self._error = error
