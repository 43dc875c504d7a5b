"""The columns of tables: labels, numbers, and states in colour."""

from collections.abc import Mapping, Sequence

from grafana_foundation_sdk.models import dashboard as d

from grafana.style import nothing, thresholds, to_benchmark
from grafana.widths import LONGEST, LONGEST_OF_UNIT, fitting

# Of the column `url`, and of others in a row that has one.
OPENS_PAGE = {"title": "The page of this exporter", "url": "${__value.raw}", "targetBlank": True}
OPENS_PAGE_OF_ROW = {**OPENS_PAGE, "url": "${__data.fields.url}"}
# Of the columns of commits, in a row that has the columns `project` and `url` too. The raw value,
# since a hash may have digits only.
OPENS_COMMIT = {
    "title": "The commit",
    "url": (
        "${__data.fields.url}/commit?hash=${__value.raw:percentencode}"
        "&project=${__data.fields.project:percentencode}"
    ),
    "targetBlank": True,
}
# Of that of the newest commit, in a row that has the one before too.
OPENS_COMMITS_SINCE = {
    **OPENS_COMMIT,
    "title": "What came since the commit before",
    "url": f"{OPENS_COMMIT['url']}&after=${{__data.fields.previous_commit_hash:percentencode}}",
}

Properties = list[d.DynamicConfigValue]

HEADINGS: Mapping[str, str] = {
    "alertname": "Alert",
    "baseline_version": "Version",
    "benchmark": "Benchmark",
    "benchmark_name": "Benchmark",
    "branch": "Branch",
    "commit_hash": "Commit",
    "direction": "Direction",
    "environment": "Environment",
    "instance": "Exporter",
    "iteration": "Observed",
    "machine_class": "Machine class",
    "part": "Part",
    "pipeline": "Pipeline",
    "previous_commit_hash": "Last good commit",
    "project": "Project",
    "run_id": "Run",
    "severity": "Severity",
    "state": "State",
    "status": "Status",
    "ticket": "Ticket",
    "unit": "Unit",
    "url": "Page",
    "version": "Version",
    "who": "Said by",
}
# These take what room is left.
FLEXIBLE = {"alertname", "benchmark_name", "pipeline", "part", "url"}
LINKS: Mapping[str, Sequence[Mapping[str, object]]] = {
    "commit_hash": [OPENS_COMMIT],
    "previous_commit_hash": [OPENS_COMMIT],
    "run_id": [OPENS_PAGE_OF_ROW],
    "url": [OPENS_PAGE],
}


def column(name: str, **properties: object) -> Properties:
    """Return a column's properties: its heading and options, `__` for a dot in their names."""
    return [d.DynamicConfigValue("displayName", name)] + [
        d.DynamicConfigValue(key.replace("__", "."), value) for key, value in properties.items()
    ]


def label(name: str, heading: str | None = None, **properties: object) -> Properties:
    """Return the column of a label, wide enough for its heading and usual values.

    Commits, runs and pages lead to the exporter of their row.
    """
    heading = heading or HEADINGS[name]
    if name in LINKS:
        properties = {"links": LINKS[name], **properties}
    width = "minWidth" if name in FLEXIBLE else "width"
    needed = {f"custom__{width}": fitting(heading, LONGEST[name])}
    return column(heading, **needed, **properties)


def linked_result() -> Properties:
    """Return the column of a result, which leads to its benchmark; a row needs that label too."""
    return label("benchmark_name", "Result", links=[to_benchmark("__data.fields.benchmark")])


def figure(name: str, *, unit: str | None = None, decimals: int | None = None) -> Properties:
    """Return the column of a number in a unit, wide enough for its usual values."""
    width = fitting(name, LONGEST_OF_UNIT[unit])
    if unit == "dateTimeAsIso":
        return column(name, unit=unit, custom__width=width)
    of_unit = {} if unit is None else {"unit": unit}
    return column(name, **of_unit, decimals=decimals, custom__width=width)


def worded(name: str, words: d.ValueMap, *, without: str = "–") -> Properties:
    """Return a column whose words are in the colours of `words`; `without` is that of no value.

    A cell that has none of the words has no colour, which would be that of what is good.
    """
    texts = [result.text or "" for result in (words.options or {}).values()]
    return column(
        name,
        mappings=[words, nothing(without)],
        thresholds=thresholds("transparent").build(),
        custom__cellOptions={"type": "color-background", "mode": "basic"},
        custom__width=fitting(name, without, *texts),
    )
