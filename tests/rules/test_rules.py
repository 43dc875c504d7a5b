"""The alert rules.

Each behaves as its promtool test states, and all fit the exporter, Alertmanager and the runbooks.
"""

import functools
import itertools
import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
import yaml

from benchmark_exporter.metrics.definitions import load_definitions
from benchmark_exporter.server import absence_report
from stack.backup import age
from stack.settings import ALERTMANAGER, EXPORTER, GRAFANA
from tests.rules.promql import is_scraped_each_second, metric_names, queries_in
from tests.support.paths import REPOSITORY

RULES = sorted((REPOSITORY / "prometheus/rules").glob("*.yml"))
UNIT_TESTS = sorted((REPOSITORY / "tests/rules").glob("*_test.yml"))
PROMETHEUS = yaml.safe_load((REPOSITORY / "prometheus/prometheus.yml").read_text(encoding="utf-8"))
EXTERNAL_LABELS: Mapping[str, str] = PROMETHEUS["global"]["external_labels"]
METRICS = load_definitions(REPOSITORY / "exporter/benchmark_exporter/metrics.yaml")
RUNBOOKS = REPOSITORY / "docs/runbooks"
GROUPS: Sequence[Mapping[str, Any]] = [
    group for path in RULES for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
]
EVERYTHING: Sequence[Mapping[str, Any]] = [rule for group in GROUPS for rule in group["rules"]]
EACH_SECOND = [
    rule for group in GROUPS if group["name"] == "performance" for rule in group["rules"]
]
ALERTS = [rule for rule in EVERYTHING if "alert" in rule]
RECORDED = {rule["record"] for rule in EVERYTHING if "record" in rule}
# What Prometheus itself adds for each target and each alert.
OF_PROMETHEUS = {"up", "scrape_samples_post_metric_relabeling", "ALERTS"}
OF_OTHERS = ("alertmanager_", "node_", "prometheus_")
# What the exporter itself sends, since Prometheus cannot.
OWN_ALERTS = [
    {"alert": absence_report.ALERTNAME, "labels": absence_report.LABELS},
]
EVERY_ALERT = pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])


@pytest.mark.parametrize("unit_test", UNIT_TESTS, ids=lambda path: path.stem)
def test_rules_behave_as_their_unit_tests_state(
    programs: Mapping[str, Sequence[str]], unit_test: Any
) -> None:
    done = subprocess.run(
        [*programs["promtool"], "test", "rules", str(unit_test)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("rules", RULES, ids=lambda path: path.stem)
def test_promtool_finds_no_fault_in_the_rules(
    programs: Mapping[str, Sequence[str]], rules: Any
) -> None:
    done = subprocess.run(
        [*programs["promtool"], "check", "rules", "--lint-fatal", str(rules)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@functools.cache
def _unit_tests() -> Sequence[Mapping[str, Any]]:
    return [
        test
        for path in UNIT_TESTS
        for test in yaml.safe_load(path.read_text(encoding="utf-8"))["tests"]
    ]


@EVERY_ALERT
def test_unit_tests_cover_when_an_alert_fires_when_it_does_not_and_when_it_ends(
    alert: Mapping[str, Any],
) -> None:
    courses = [
        [
            len(case["exp_alerts"])
            for case in test.get("alert_rule_test", ())
            if case["alertname"] == alert["alert"]
        ]
        for test in _unit_tests()
    ]
    if alert["alert"] == "Watchdog":  # never quiet
        assert {firing for course in courses for firing in course} == {1}
        return
    assert any(course[:1] == [0] for course in courses)
    assert any(before > after for course in courses for before, after in itertools.pairwise(course))


@EVERY_ALERT
def test_alertmanager_can_route_an_alert(alert: Mapping[str, Any]) -> None:
    assert alert["labels"].keys() == {"severity", "team"}
    assert alert["labels"]["severity"] in {"critical", "warning", "none"}
    assert alert["labels"]["team"] in {"performance-engineering", "devops"}


@EVERY_ALERT
def test_the_labels_of_an_alert_are_constant(alert: Mapping[str, Any]) -> None:
    # With a value or a commit in a label, each change would make a new alert and a notification.
    assert not [value for value in alert["labels"].values() if "{{" in value]


@EVERY_ALERT
def test_an_alert_has_a_summary_a_description_and_a_runbook(alert: Mapping[str, Any]) -> None:
    annotations = alert["annotations"]
    assert annotations.keys() - {"commit_url", "dashboard_url", "triage_url"} == {
        "summary",
        "description",
        "runbook_url",
    }
    assert (
        annotations["runbook_url"]
        == f"{{{{ $externalLabels.exporter_url }}}}/runbooks/{alert['alert']}"
    )


@EVERY_ALERT
def test_a_link_in_an_alert_starts_with_a_configured_address(
    alert: Mapping[str, Any],
) -> None:
    # A literal address would be right on one machine only, with the ports of .env.example.
    texts = "\n".join(alert["annotations"].values())
    assert not re.findall(r"https?://|localhost|:[0-9]{4}\b", texts)
    assert set(re.findall(r"\$externalLabels\.(\w+)", texts)) <= EXTERNAL_LABELS.keys()


def test_addresses_for_links_are_those_of_the_parts_and_not_labels_of_alerts() -> None:
    settings = {
        part.public_url_setting: f"{part.name}_url" for part in (ALERTMANAGER, EXPORTER, GRAFANA)
    }
    expected = {name: f"${{{setting}}}" for setting, name in settings.items()}
    assert expected | {"replica": "${PROMETHEUS_REPLICA}"} == EXTERNAL_LABELS
    [relabeling] = PROMETHEUS["alerting"]["alert_relabel_configs"]
    assert relabeling["action"] == "labeldrop"
    assert all(re.fullmatch(relabeling["regex"], name) for name in EXTERNAL_LABELS)
    assert not any(
        re.fullmatch(relabeling["regex"], name) for alert in ALERTS for name in alert["labels"]
    )


@EVERY_ALERT
def test_the_text_of_an_alert_is_not_a_yaml_mapping(alert: Mapping[str, Any]) -> None:
    # PagerDuty parses details as YAML: a colon and a space would turn the text into a mapping.
    assert not [text for text in alert["annotations"].values() if ": " in text]


def test_a_recording_rule_names_level_metric_and_operations() -> None:
    assert RECORDED
    assert not [
        name for name in RECORDED if not re.fullmatch(r"[a-z_]+:[a-z0-9_]+:[a-z0-9_]+", name)
    ]


def test_every_recording_rule_is_used() -> None:
    used = {name for rule in EVERYTHING for name in metric_names(rule["expr"])}
    # The availability of a month is for people.
    assert RECORDED - used == {"job:availability:ratio30d"}


@pytest.mark.parametrize("rule", EVERYTHING, ids=lambda rule: rule.get("alert") or rule["record"])
def test_a_rule_uses_only_metrics_that_exist(rule: Mapping[str, Any]) -> None:
    queries = [
        rule["expr"],
        *(query for text in rule.get("annotations", {}).values() for query in queries_in(text)),
    ]
    used = {name for query in queries for name in metric_names(query)}
    # test_prometheus_config.py, which runs the other programs, checks their metrics.
    assert not [
        name
        for name in used - METRICS.keys() - RECORDED - OF_PROMETHEUS - set(age.METRICS)
        if not name.startswith(OF_OTHERS)
    ]


@pytest.mark.parametrize(
    "rule", EACH_SECOND, ids=lambda rule: f"{rule['alert']}-{rule['labels']['severity']}"
)
def test_a_rule_evaluated_every_second_reads_only_what_is_scraped_every_second(
    rule: Mapping[str, Any],
) -> None:
    queries = [
        rule["expr"],
        *(query for text in rule["annotations"].values() for query in queries_in(text)),
    ]
    read = [
        (METRICS[name], query)
        for query in queries
        for name in metric_names(query)
        if name in METRICS
    ]
    assert read
    assert [
        definition.name
        for definition, query in read
        if not is_scraped_each_second(definition, query)
    ] == []


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ('min(benchmark_gate_passed{criterion="overall"}) == 0', True),
        ('benchmark_gate_passed{criterion="overall"} or benchmark_gate_passed', False),
        ('benchmark_gate_passed{criterion!="overall"}', False),
        ('benchmark_gate_passed{criterion=~"overall|p50"}', False),
        ("benchmark_gate_passed", False),
    ],
)
def test_selectors_decide_what_is_scraped_every_second(expression: str, expected: bool) -> None:
    assert is_scraped_each_second(METRICS["benchmark_gate_passed"], expression) is expected


@pytest.mark.parametrize("alert", [*ALERTS, *OWN_ALERTS], ids=lambda alert: alert["alert"])
def test_a_runbook_has_its_sections(alert: Mapping[str, Any]) -> None:
    page = (RUNBOOKS / f"{alert['alert']}.md").read_text(encoding="utf-8")
    assert re.findall(r"^# (.+)$", page, re.MULTILINE) == [alert["alert"]]
    sections = re.split(r"^## (.+)\n", page, flags=re.MULTILINE)[1:]
    assert sections[::2] == ["Meaning", "Impact", "Diagnosis", "Mitigation"]
    assert all(text.strip() for text in sections[1::2])


def test_the_table_of_alerts_has_their_severities_teams_and_channels() -> None:
    page = (REPOSITORY / "docs/alert-handling.md").read_text(encoding="utf-8")
    rows = re.findall(
        r"^\| \[(\w+)\]\(runbooks/(\w+)\.md\) \| (\w+) \| ([\w-]+) \| ([^|]+) \| [^|]+ \|$",
        page,
        re.MULTILINE,
    )
    # test_alertmanager_config.py checks the routes of each severity.
    channels = {"critical": "PagerDuty, Slack, Email", "warning": "Slack, Email", "none": "nobody"}
    expected = {
        (
            alert["alert"],
            alert["alert"],
            alert["labels"]["severity"],
            alert["labels"]["team"],
            "webhook" if alert["alert"] == "Watchdog" else channels[alert["labels"]["severity"]],
        )
        for alert in (*ALERTS, *OWN_ALERTS)
    }
    assert set(rows) == expected
    assert len(rows) == len(expected)


def test_every_runbook_has_an_alert() -> None:
    alerts = {alert["alert"] for alert in (*ALERTS, *OWN_ALERTS)}
    assert {path.stem for path in RUNBOOKS.glob("*.md")} == alerts


def test_a_link_to_a_dashboard_leads_to_an_existing_one() -> None:
    dashboards = {
        json.loads(path.read_text(encoding="utf-8"))["uid"]
        for path in (REPOSITORY / "grafana/dashboards").glob("*.json")
    }
    links = [
        alert["annotations"]["dashboard_url"]
        for alert in ALERTS
        if "dashboard_url" in alert["annotations"]
    ]
    assert links
    assert {
        re.sub(
            r"^{{ \$externalLabels.grafana_url }}/d/([a-z-]+)\?.*$", r"\1", link, flags=re.DOTALL
        )
        for link in links
    } <= dashboards


def test_links_between_runbooks_lead_to_existing_ones() -> None:
    # The exporter serves only the runbooks, no other pages of docs/.
    links = [
        link
        for path in RUNBOOKS.glob("*.md")
        for link in re.findall(r"\]\(([^)]+)\)", path.read_text(encoding="utf-8"))
    ]
    assert links
    assert not [link for link in links if not (RUNBOOKS / link).is_file()]


def test_metric_names_are_separated_from_labels_functions_and_keywords() -> None:
    expression = (
        "sum without (job, a_label) "
        '(rate(first_total{label="x", b!~"not_a{metric}"}[5m] offset 1m)) > bool 0.5e3 '
        "and on (instance) second:recorded:rate5m unless absent(third)"
    )
    assert metric_names(expression) == {"first_total", "second:recorded:rate5m", "third"}
