"""Settings of .env that earlier versions had: each warns and says what to set instead."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches

# Settings that only have another name now; what is set counts for the new one.
RENAMED: Mapping[str, str] = {}
# Settings that mean nothing any longer, and why.
REMOVED: Mapping[str, str] = {}


def with_current_names(chosen: Mapping[str, str | None]) -> dict[str, str | None]:
    """What .env says, under the names of today. A new name that is set wins over its old one."""
    current = {name: value for name, value in chosen.items() if name not in {*RENAMED, *REMOVED}}
    for name, successor in RENAMED.items():
        if name in chosen and not current.get(successor):
            current[successor] = chosen[name]
    return current


def warnings(chosen: Mapping[str, str | None]) -> Iterator[str]:
    """A line for each setting of an earlier version."""
    for name in chosen:
        if name in RENAMED:
            yield f"{name} in .env is now {RENAMED[name]}: rename it"
        elif name in REMOVED:
            yield f"{name} in .env is ignored: {REMOVED[name]}; remove it"


def stranger(name: str, known: Mapping[str, object]) -> str:
    """Why a name that no version had is a mistake, with the setting that may be meant."""
    closest = get_close_matches(name, list(known), 1)
    hint = f"did you mean {closest[0]}? " if closest else ""
    return f"{name} in .env is not a setting; {hint}.env.example lists all"
