"""The dashboards that `make up` lays out for Grafana."""

import json
import re
from pathlib import Path

import pytest
import yaml

from benchmark_exporter.links import ON_ONES_OWN_MACHINE
from stack.dashboards import lay_out
from stack.local import LocalStack
from stack.settings import ALERTMANAGER, EXPORTER, GRAFANA, PROMETHEUS, Settings
from tests.stack.checkouts import checkout
from tests.support.paths import REPOSITORY

SOURCES = {path.name: path for path in (REPOSITORY / "grafana/dashboards").glob("*.json")}
ADDRESS = re.compile(r"https?://[^/\"?\\]+")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Of a copy of the checkout."""
    return checkout(
        tmp_path / "checkout", {"PUBLIC_HOST": "perf.example.org", "PROMETHEUS_PORT": "9191"}
    )


def laid_out(settings: Settings) -> dict[str, str]:
    return {
        path.name: path.read_text(encoding="utf-8") for path in settings.dashboards_dir.iterdir()
    }


def test_every_link_out_of_grafana_is_to_a_part() -> None:
    found = {
        address
        for path in SOURCES.values()
        for address in ADDRESS.findall(path.read_text(encoding="utf-8"))
    }
    assert found
    assert found <= ON_ONES_OWN_MACHINE.keys()


def test_links_lead_to_the_parts_of_this_stack_and_nothing_else_differs(settings: Settings) -> None:
    lay_out(settings)
    texts = laid_out(settings)
    assert texts.keys() == SOURCES.keys()
    expected = {settings.public_url(part) for part in (ALERTMANAGER, EXPORTER, PROMETHEUS)}
    assert {address for text in texts.values() for address in ADDRESS.findall(text)} == expected
    for name, text in texts.items():
        assert ADDRESS.sub("", text) == ADDRESS.sub("", SOURCES[name].read_text(encoding="utf-8"))
        assert json.loads(text)["uid"] == Path(name).stem


def test_a_dashboard_that_is_gone_goes_and_one_that_changed_changes(settings: Settings) -> None:
    lay_out(settings)
    folder = settings.root / "grafana/dashboards"
    (folder / "ci.json").unlink()
    (folder / "alerts.json").write_text("{}\n")
    lay_out(settings)
    texts = laid_out(settings)
    assert texts.keys() == SOURCES.keys() - {"ci.json"}
    assert texts["alerts.json"] == "{}\n"


def test_by_default_links_are_as_they_are_committed(tmp_path: Path) -> None:
    settings = checkout(tmp_path / "checkout", {})
    lay_out(settings)
    assert laid_out(settings) == {
        name: path.read_text(encoding="utf-8") for name, path in SOURCES.items()
    }


def test_grafana_reads_them_in_both_modes(settings: Settings) -> None:
    grafana = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())["services"][
        GRAFANA.name
    ]
    inside = grafana["environment"]["GRAFANA_DASHBOARDS_PATH"]
    assert (
        f"./{settings.dashboards_dir.relative_to(settings.root)}:{inside}:ro" in grafana["volumes"]
    )
    assert LocalStack(settings).processes.grafana_environment()["GRAFANA_DASHBOARDS_PATH"] == str(
        settings.dashboards_dir
    )
