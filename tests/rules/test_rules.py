"""The alert rules: each behaves as its promtool test says, and all keep the contract with exporter, Alertmanager and runbooks."""

import re
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
import yaml

from tests.paths import REPOSITORY
from tests.rules.promql import metric_names, queries_in

RULES = sorted((REPOSITORY / "prometheus/rules").glob("*.yml"))
UNIT_TESTS = sorted((REPOSITORY / "tests/rules").glob("*_test.yml"))
RUNBOOKS = REPOSITORY / "docs/runbooks"
ALERTS: Sequence[Mapping[str, Any]] = [
    rule for path in RULES for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"] for rule in group["rules"]
]
EVERY_ALERT = pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])


@pytest.mark.parametrize("unit_test", UNIT_TESTS, ids=lambda path: path.stem)
def test_rules_behave_as_their_unit_tests_say(programs: Mapping[str, Sequence[str]], unit_test: Any) -> None:
    done = subprocess.run([*programs["promtool"], "test", "rules", str(unit_test)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("rules", RULES, ids=lambda path: path.stem)
def test_promtool_finds_no_fault_in_the_rules(programs: Mapping[str, Sequence[str]], rules: Any) -> None:
    done = subprocess.run(
        [*programs["promtool"], "check", "rules", "--lint-fatal", str(rules)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@EVERY_ALERT
def test_a_unit_test_says_when_an_alert_fires_and_when_it_stays_quiet(alert: Mapping[str, Any]) -> None:
    expectations = [
        bool(case["exp_alerts"])
        for path in UNIT_TESTS
        for test in yaml.safe_load(path.read_text(encoding="utf-8"))["tests"]
        for case in test.get("alert_rule_test", ())
        if case["alertname"] == alert["alert"]
    ]
    # The watchdog is never quiet.
    assert set(expectations) == ({True} if alert["alert"] == "Watchdog" else {True, False})


@EVERY_ALERT
def test_alertmanager_can_route_an_alert(alert: Mapping[str, Any]) -> None:
    assert alert["labels"].keys() == {"severity", "team"}
    assert alert["labels"]["severity"] in {"critical", "warning", "none"}
    assert alert["labels"]["team"] in {"performance-engineering", "devops"}


@EVERY_ALERT
def test_the_labels_of_an_alert_are_constant(alert: Mapping[str, Any]) -> None:
    # A label with a value or a commit in it would make another alert of it at each change, and a notification.
    assert not [value for value in alert["labels"].values() if "{{" in value]


@EVERY_ALERT
def test_an_alert_says_what_and_where_to_read_on(alert: Mapping[str, Any]) -> None:
    annotations = alert["annotations"]
    assert annotations.keys() == {"summary", "description", "runbook_url"}
    assert annotations["runbook_url"] == f"http://localhost:8000/runbooks/{alert['alert']}"


@EVERY_ALERT
def test_the_text_of_an_alert_is_no_yaml_mapping(alert: Mapping[str, Any]) -> None:
    # PagerDuty's details are parsed as YAML: a colon and a space would make a mapping of the text.
    assert not [text for text in alert["annotations"].values() if ": " in text]


@EVERY_ALERT
def test_an_alert_uses_only_metrics_that_exist(alert: Mapping[str, Any]) -> None:
    exposed = {metric["name"] for metric in yaml.safe_load((REPOSITORY / "exporter/metrics.yaml").read_text(encoding="utf-8"))["metrics"]}
    # Of other programs. That Prometheus keeps them is for test_prometheus_config.py.
    others = {"up", "alertmanager_notifications_failed_total", "alertmanager_notification_requests_failed_total"}
    queries = [alert["expr"], *(query for text in alert["annotations"].values() for query in queries_in(text))]
    assert {name for query in queries for name in metric_names(query)} <= exposed | others


@EVERY_ALERT
def test_a_runbook_is_for_whom_the_alert_reaches(alert: Mapping[str, Any]) -> None:
    page = (RUNBOOKS / f"{alert['alert']}.md").read_text(encoding="utf-8")
    assert re.findall(r"^# (.+)$", page, re.MULTILINE) == [alert["alert"]]
    sections = re.split(r"^## (.+)\n", page, flags=re.MULTILINE)[1:]
    assert sections[::2] == ["Meaning", "Impact", "Diagnosis", "Mitigation"]
    assert all(text.strip() for text in sections[1::2])


def test_no_runbook_is_left_of_an_alert_that_has_gone() -> None:
    assert {path.stem for path in RUNBOOKS.glob("*.md")} == {alert["alert"] for alert in ALERTS}


def test_links_between_runbooks_lead_to_one() -> None:
    links = [link for path in RUNBOOKS.glob("*.md") for link in re.findall(r"\]\(([^)]+)\)", path.read_text(encoding="utf-8"))]
    assert links
    assert not [link for link in links if not (RUNBOOKS / link).is_file()]


def test_a_metric_is_told_from_labels_functions_and_keywords() -> None:
    expression = (
        'sum without (job, a_label) (rate(first_total{label="x", b!~"not_a{metric}"}[5m] offset 1m)) > bool 0.5e3 '
        "and on (instance) second:recorded:rate5m unless absent(third)"
    )
    assert metric_names(expression) == {"first_total", "second:recorded:rate5m", "third"}
