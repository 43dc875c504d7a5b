"""The table of modules in docs/architecture.md: which may import which."""

import re
from collections.abc import Mapping

from tests.support.paths import REPOSITORY

PAGE = REPOSITORY / "docs" / "architecture.md"
_HEADER = "| folder or module | may import | what it does |"
_NAME = re.compile(r"`(\w+)/?`")


def read_import_table(text: str | None = None) -> Mapping[str, frozenset[str]]:
    """Of each row the names that it may import besides its own; folders without their slash.

    A cell is `–`, a list of names, `all`, or `all but` a list of names. `all` is every row except
    `__main__`, which starts the program and is imported by nothing.

    Raises:
        ValueError: there is no such table, or a cell is none of these.
    """
    lines = (PAGE.read_text(encoding="utf-8") if text is None else text).splitlines()
    if _HEADER not in lines:
        raise ValueError(f"{PAGE}: has no table with the header {_HEADER!r}")
    cells: dict[str, str] = {}
    for line in lines[lines.index(_HEADER) + 2 :]:
        if not line.startswith("|"):
            break
        name, may_import, _ = (cell.strip() for cell in line.strip("|").split("|", 2))
        cells[_NAME.sub(r"\1", name)] = may_import
    return {name: _allowed(name, cell, frozenset(cells)) for name, cell in cells.items()}


def _allowed(name: str, cell: str, every: frozenset[str]) -> frozenset[str]:
    names = frozenset(_NAME.findall(cell))
    if unknown := names - every:
        raise ValueError(f"{PAGE}: {name} may import {min(unknown)}, which has no row")
    words = _NAME.sub("", cell).replace(",", "").strip()
    everything = every - {name, "__main__"}
    if words == "all" and not names:
        return everything
    if words == "all but" and names:
        return everything - names
    if (words == "–" and not names) or (not words and names):
        return names
    raise ValueError(f"{PAGE}: {cell!r}, what {name} may import, cannot be understood")
