"""What the exporter's objects hold, as plain values by where they are."""

import asyncio
import types
from collections.abc import Iterator, Mapping
from datetime import tzinfo
from pathlib import Path
from typing import Any

import msgspec

PACKAGE = "benchmark_exporter"
_PLAIN = (str, bytes, int, float, bool, type(None), tzinfo, Path)
_VALUES = (msgspec.Struct, Mapping, list, tuple)
Held = dict[str, object]


def held_by(*roots: object) -> Held:
    """Every plain value that is reachable from objects of the package, by its path.

    Also through containers, methods, and what functions have closed over or as defaults.
    """
    held: Held = {}
    known: dict[int, object] = {}  # kept, so that no other object gets the same id
    left = [(type(root).__name__, root) for root in roots]
    while left:
        path, found = left.pop()
        if isinstance(found, _PLAIN):
            held[path] = found
        elif isinstance(found, _VALUES):  # equal ones may be one object or several
            left.extend((f"{path}{step}", inner) for step, inner in _inside(found))
        elif id(found) not in known:
            known[id(found)] = found
            left.extend((f"{path}{step}", inner) for step, inner in _inside(found))
    return held


def running_objects() -> list[object]:
    """The objects whose methods run as tasks of this event loop, in a stable order."""
    found: dict[int, object] = {}
    for task in asyncio.all_tasks():
        frame = getattr(task.get_coro(), "cr_frame", None)
        owner = None if frame is None else frame.f_locals.get("self")
        if type(owner).__module__.startswith(PACKAGE):
            found[id(owner)] = owner
    return sorted(found.values(), key=lambda each: type(each).__name__)


def _inside(found: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(found, Mapping):
        for key, value in found.items():
            yield f"[{key!r}]", value
    elif isinstance(found, list | tuple):
        for index, value in enumerate(found):
            yield f"[{index}]", value
    elif isinstance(found, types.MethodType):
        yield ".__self__", found.__self__
    elif isinstance(found, types.FunctionType):
        for name, cell in zip(found.__code__.co_freevars, found.__closure__ or (), strict=True):
            yield f"<{name}>", cell.cell_contents
        yield from ((f"<default {n}>", each) for n, each in enumerate(found.__defaults__ or ()))
    elif type(found).__module__.startswith(PACKAGE):
        yield from ((f".{name}", value) for name, value in _attributes(found))


def _attributes(found: object) -> Iterator[tuple[str, Any]]:
    names = set(getattr(found, "__dict__", ()))
    for kind in type(found).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        names.update((slots,) if isinstance(slots, str) else slots)
    names.update(getattr(found, "__struct_fields__", ()))
    for name in sorted(names):
        if hasattr(found, name):
            yield name, getattr(found, name)
