"""The queries of the API, for its description."""

from collections.abc import Sequence
from typing import Any

from benchmark_exporter.metrics.definitions import PARTS
from benchmark_exporter.server.api_query import MOST_CHARACTERS, MOST_STARS

Json = dict[str, Any]


def filters(*more: str) -> Sequence[Json]:
    """What selects runs; `more` may be `commit`."""
    stars = f"A glob, with at most {MOST_STARS} *."
    return [
        text_of("project", "Only this project."),
        text_of("environment", "Only runs made there."),
        text_of("benchmark", f"Only such benchmarks. {stars}"),
        text_of("branch", f"Only such branches. {stars}"),
        text_of("machine_class", f"Only such machine classes. {stars}"),
        *(text_of(name, "Only commits that begin like this.") for name in more),
    ]


def times() -> Sequence[Json]:
    """When the runs were made."""
    return [
        {
            "name": name,
            "in": "query",
            "description": f"Only runs made {when}.",
            "schema": {"type": "string", "format": "date-time"},
        }
        for name, when in (("since", "at this time or later"), ("until", "before this time"))
    ]


def text_of(name: str, description: str, *, required: bool = False) -> Json:
    """A text of bounded length."""
    schema = {"type": "string", "maxLength": MOST_CHARACTERS, "minLength": int(required)}
    return {
        "name": name,
        "in": "query",
        "required": required,
        "description": description,
        "schema": schema,
    }


def number_from(name: str, limits: tuple[int, int], description: str) -> Json:
    """A number from 1 on, with its default and maximum."""
    default, most = limits
    schema = {"type": "integer", "minimum": 1, "maximum": most, "default": default}
    return {"name": name, "in": "query", "description": description, "schema": schema}


def scrape() -> Sequence[Json]:
    """What a scrape may ask for."""
    return [
        {
            "name": "collect[]",
            "in": "query",
            "schema": {"type": "array", "items": {"enum": list(PARTS)}},
            "description": "Only these parts.",
        },
        {
            "name": "sparse",
            "in": "query",
            "schema": {"const": "1"},
            "description": "Only what changed since the sender's last scrape, and the rest once a "
            "minute.",
        },
        {
            "name": "scraper",
            "in": "query",
            "schema": {"type": "string"},
            "description": "Prometheus servers of one name count as one.",
        },
    ]
