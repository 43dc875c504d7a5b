"""Has freed memory given back to the system, where the C library is glibc."""

import ctypes
from contextlib import suppress

# glibc's malloc.h.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
# From this size on, memory is a mapping of its own, which is given back when it is freed. glibc
# would raise this to the size of whatever was freed, up to 32 MiB.
OWN_MAPPING_BYTES = 1024 * 1024
# What may stay free at the end of the heap: to give back each bit costs more than it is worth.
SPARE_BYTES = 8 * 1024 * 1024
# One for the event loop, one for the worker threads. glibc would use eight times the cores.
ARENAS = 2


def give_memory_back() -> None:
    """Configures malloc, before threads are started. Others than glibc's are left as they are."""
    with suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_MMAP_THRESHOLD, OWN_MAPPING_BYTES)
        mallopt(_TRIM_THRESHOLD, SPARE_BYTES)
        mallopt(_ARENA_MAX, ARENAS)


def trim() -> None:
    """Gives back what is free between what is used, where the C library is glibc."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
