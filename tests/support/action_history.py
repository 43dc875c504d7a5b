"""Histories of github-action-benchmark, as its `storeDataJs` writes them."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

DAY_SECONDS = 86_400.0


def commit(number: int) -> str:
    """The hash of a commit."""
    return f"{number:040x}"


def bench(name: str, value: object, unit: str = "ns/iter", **more: object) -> dict[str, Any]:
    """One benchmark of an entry."""
    return {"name": name, "value": value, "unit": unit, **more}


def entry(
    number: int, seconds: float, benches: Sequence[dict[str, Any]], tool: str = "cargo"
) -> dict[str, Any]:
    """What the action stores of one commit."""
    return {
        "commit": {
            "author": {"email": "ann@example.org", "name": "Ann", "username": "ann"},
            "distinct": True,
            "id": commit(number),
            "message": "Change something\n\nfor a reason",
            "timestamp": "2020-01-01T00:00:00+09:00",
            "url": f"https://github.com/ann/orbit/commit/{commit(number)}",
        },
        "date": round(seconds * 1e3),
        "tool": tool,
        "benches": list(benches),
    }


def history(**suites: Iterable[dict[str, Any]]) -> bytes:
    """A `data.js` of the repository ann/orbit."""
    entries = {name: list(each) for name, each in suites.items()}
    document = {
        "lastUpdate": 1_700_000_000_000,
        "repoUrl": "https://github.com/ann/orbit",
        "entries": entries,
    }
    return f"window.BENCHMARK_DATA = {json.dumps(document, indent=2)}".encode()


def times_of(
    values: Iterable[float], end_seconds: float, step_seconds: float = DAY_SECONDS
) -> list[dict[str, Any]]:
    """Entries of one benchmark, `bench_fib`, with these values; the last one is made at the end."""
    values = list(values)
    first = end_seconds - (len(values) - 1) * step_seconds
    return [
        entry(number, first + number * step_seconds, [bench("bench_fib", value)])
        for number, value in enumerate(values)
    ]


def write(path: Path, data: bytes) -> Path:
    """The path, once the file has the data."""
    path.write_bytes(data)
    return path
