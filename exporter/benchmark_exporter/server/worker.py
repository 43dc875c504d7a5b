"""A worker thread, for what would block the event loop."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self, TypeVar, TypeVarTuple

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Worker:
    """One thread, which runs one function at a time. Leaving the context ends it."""

    def __init__(self, name: str) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix=name)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._executor.shutdown()

    async def run(self, function: Callable[[*Ts], T], *args: *Ts) -> T:
        """What the function returns, or raises, in the worker thread."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, function, *args)
