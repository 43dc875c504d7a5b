"""Links: to what a row is about, and only to addresses that each build of a part has."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.grafana.dashboards import DASHBOARDS
from tests.grafana.queries import panels

SCOPE = ("instance", "project", "branch", "environment", "machine_class")
TABLES = [
    pytest.param(panel, id=f"{uid}-{panel['title']}")
    for uid, dashboard in DASHBOARDS.items()
    for panel in panels(dashboard)
    if panel["type"] == "table"
]
# Debian's Prometheus 2.42 has /classic/alerts and no /alerts, and 3 has only the latter. Both lead
# from / to a page with the others in its menu.
PATHS_OF_PROMETHEUS = {"/"}


def cell_links(panel: Mapping[str, Any]) -> Iterator[str]:
    for override in panel["fieldConfig"]["overrides"]:
        for each in override["properties"]:
            if each["id"] == "links":
                yield from (link["url"] for link in each["value"])


def listed(panel: Mapping[str, Any]) -> set[str]:
    return {
        field
        for each in panel["transformations"]
        if each["id"] == "organize"
        for field in each["options"]["indexByName"]
    }


@pytest.mark.parametrize("uid", DASHBOARDS)
def test_a_link_to_prometheus_is_to_a_page_of_each_build(uid: str) -> None:
    paths = re.findall(r"http://localhost:9090([^\"]*)", json.dumps(DASHBOARDS[uid]))
    assert paths
    assert set(paths) <= PATHS_OF_PROMETHEUS


@pytest.mark.parametrize("panel", TABLES)
def test_a_link_to_a_benchmark_has_the_scope_of_its_row(panel: Mapping[str, Any]) -> None:
    for url in cell_links(panel):
        if url.startswith("/d/benchmark?"):
            for label in SCOPE:
                assert f"var-{label}=${{__data.fields.{label}:percentencode}}" in url
            # Else the link would be to a benchmark named like a result: parse/fast.
            [field] = re.findall(r"var-benchmark=\$\{([\w.]+):percentencode\}", url)
            assert field == "__data.fields.benchmark" or panel["title"] == "Newest runs"
        for field in re.findall(r"__data\.fields\.(\w+)", url):
            assert field in listed(panel)


@pytest.mark.parametrize("panel", TABLES)
def test_a_table_of_runs_links_to_the_exporter_of_each_row(panel: Mapping[str, Any]) -> None:
    """Several exporters may be scraped, each with its own page of runs and rejected files."""
    if "run_id" in listed(panel):
        assert "${__value.raw}" in list(cell_links(panel))
        assert "${__data.fields.url}" in list(cell_links(panel))
        assert "benchmark_exporter_url_info" in panel["targets"][0]["expr"]


def test_a_regression_links_to_its_benchmark() -> None:
    titles = {
        panel["title"]
        for dashboard in DASHBOARDS.values()
        for panel in panels(dashboard)
        if any(url.startswith("/d/benchmark?") for url in cell_links(panel))
    }
    assert titles >= {"Slower now", "Firing alerts", "Open regressions"}


COMMIT = (
    "${__data.fields.url}/commit?hash=${__value.raw:percentencode}"
    "&project=${__data.fields.project:percentencode}"
)
SINCE = f"{COMMIT}&after=${{__data.fields.previous_commit_hash:percentencode}}"


def links_of(panel: Mapping[str, Any], field: str) -> list[str]:
    """The links of a column: of two overrides of a property, Grafana takes the later one."""
    found: list[str] = []
    for override in panel["fieldConfig"]["overrides"]:
        if override["matcher"] == {"id": "byName", "options": field}:
            for each in override["properties"]:
                if each["id"] == "links":
                    found = [link["url"] for link in each["value"]]
    return found


@pytest.mark.parametrize("panel", TABLES)
def test_each_commit_leads_to_it_at_the_exporter_of_its_row(panel: Mapping[str, Any]) -> None:
    """The raw value is the hash: as a number, one of digits only would be another."""
    fields = listed(panel)
    for field in fields & {"commit_hash", "previous_commit_hash"}:
        assert {"project", "url"} <= fields
        assert "benchmark_exporter_url_info" in panel["targets"][0]["expr"]
        both = field == "commit_hash" and "previous_commit_hash" in fields
        assert links_of(panel, field) == ([COMMIT, SINCE] if both else [COMMIT])


def test_tables_with_commits_are_among_those() -> None:
    titles = {
        panel["title"]
        for dashboard in DASHBOARDS.values()
        for panel in panels(dashboard)
        if panel["type"] == "table" and "commit_hash" in json.dumps(panel["transformations"])
    }
    assert titles == {
        *("Newest runs", "Slower now", "Regressions by commit"),
        *("Runs", "Pinned baselines", "Newest change points"),
    }
