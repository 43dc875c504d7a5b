"""The provisioning files that Grafana reads at startup."""

from typing import Any

import yaml

from tests.support.paths import REPOSITORY


def _read(path: str) -> Any:
    return yaml.safe_load((REPOSITORY / "grafana/provisioning" / path).read_text(encoding="utf-8"))


def _compose_environment() -> Any:
    return yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text(encoding="utf-8"))[
        "services"
    ]["grafana"]["environment"]


def test_the_data_source_is_prometheus_with_a_fixed_uid_and_cannot_be_edited() -> None:
    [source] = _read("datasources/prometheus.yml")["datasources"]
    assert (source["uid"], source["type"], source["isDefault"], source["editable"]) == (
        "prometheus",
        "prometheus",
        True,
        False,
    )
    assert source["url"] == "${PROMETHEUS_URL}"
    assert "PROMETHEUS_URL" in _compose_environment()


def test_the_shortest_step_is_the_shortest_scrape_interval() -> None:
    [source] = _read("datasources/prometheus.yml")["datasources"]
    prometheus = yaml.safe_load(
        (REPOSITORY / "prometheus/prometheus.yml").read_text(encoding="utf-8")
    )
    intervals = {
        job.get("scrape_interval", prometheus["global"]["scrape_interval"])
        for job in prometheus["scrape_configs"]
    }
    # The dashboards and docs/metrics.md rely on these.
    assert intervals == {"1s", "5s", "15s", "30s"}
    assert source["jsonData"]["timeInterval"] == "1s"


def test_history_has_a_data_source_that_is_prometheus_unless_there_is_a_store() -> None:
    [source] = _read("datasources/history.yml")["datasources"]
    [prometheus] = _read("datasources/prometheus.yml")["datasources"]
    differing = {"name", "uid", "url", "isDefault", "jsonData"}
    assert {name: value for name, value in source.items() if name not in differing} == {
        name: value for name, value in prometheus.items() if name not in differing
    }
    assert (source["uid"], source["url"]) == ("history", "${HISTORY_URL}")
    assert (source["isDefault"], source["jsonData"]["manageAlerts"]) == (False, False)
    compose = _compose_environment()
    assert compose["HISTORY_URL"] == f"${{HISTORY_URL:-{compose['PROMETHEUS_URL']}}}"


def test_alertmanager_is_a_data_source_of_the_prometheus_implementation() -> None:
    [source] = _read("datasources/alertmanager.yml")["datasources"]
    assert (source["uid"], source["type"], source["jsonData"]["implementation"]) == (
        "alertmanager",
        "alertmanager",
        "prometheus",
    )
    assert source["url"] == "${ALERTMANAGER_URL}"
    assert "ALERTMANAGER_URL" in _compose_environment()


def test_a_users_own_dashboards_have_a_folder_that_no_upgrade_touches() -> None:
    [provider] = _read("dashboards/own.yml")["providers"]
    [generated] = _read("dashboards/dashboards.yml")["providers"]
    assert provider["name"] != generated["name"]
    assert provider["options"]["path"] == "${GRAFANA_OWN_DASHBOARDS_PATH}"
    mounts = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text(encoding="utf-8"))[
        "services"
    ]["grafana"]["volumes"]
    assert (
        f"./grafana/dashboards.d:{_compose_environment()['GRAFANA_OWN_DASHBOARDS_PATH']}:ro"
        in mounts
    )
    assert (
        "/grafana/dashboards.d/*"
        in (REPOSITORY / ".gitignore").read_text(encoding="utf-8").splitlines()
    )


def test_every_provisioning_file_has_api_version_1() -> None:
    files = sorted((REPOSITORY / "grafana/provisioning").glob("*/*.yml"))
    assert [_read(f"{path.parent.name}/{path.name}")["apiVersion"] for path in files] == [1] * len(
        files
    )


def test_dashboards_come_from_the_generated_files_and_cannot_be_overwritten() -> None:
    [provider] = _read("dashboards/dashboards.yml")["providers"]
    assert provider["type"] == "file"
    assert provider["allowUiUpdates"] is False
    assert provider["options"]["path"] == "${GRAFANA_DASHBOARDS_PATH}"
    assert "GRAFANA_DASHBOARDS_PATH" in _compose_environment()


def test_the_home_page_is_the_overview() -> None:
    environment = _compose_environment()
    assert (
        environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
        == f"{environment['GRAFANA_DASHBOARDS_PATH']}/overview.json"
    )
    assert (REPOSITORY / "grafana/dashboards/overview.json").is_file()
