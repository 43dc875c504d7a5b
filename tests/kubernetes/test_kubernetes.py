"""kubernetes/: what kustomize builds of it is valid, and alerts as the stack does."""

import copy
import json
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml

from tests.kubernetes import operator
from tests.rules.rendering import amtool, render_channels
from tests.support.paths import REPOSITORY

Objects = Sequence[Mapping[str, Any]]
Programs = Mapping[str, Sequence[str]]

KUBERNETES = "1.30"
BUILD_SECONDS = 240
SCHEMAS = Path(__file__).with_name("schemas")
OPERATOR = "monitoring.coreos.com"
CHANNELS = ("pagerduty", "slack", "email")
# A client-side apply keeps the whole object in an annotation, which has this limit.
MOST_BYTES = 256 * 1024


def build(kustomize: str, folder: Path) -> Objects:
    done = subprocess.run(
        [kustomize, "build", str(folder)],
        capture_output=True,
        text=True,
        check=False,
        timeout=BUILD_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return list(yaml.safe_load_all(done.stdout))


@pytest.fixture(scope="module")
def base(kustomize: str) -> Objects:
    return build(kustomize, REPOSITORY / "kubernetes/base")


@pytest.fixture(scope="module")
def example(kustomize: str) -> Objects:
    return build(kustomize, REPOSITORY / "kubernetes/example")


def of_kind(objects: Objects, kind: str) -> list[Mapping[str, Any]]:
    return [each for each in objects if each["kind"] == kind]


def only(objects: Objects, kind: str) -> Mapping[str, Any]:
    (found,) = of_kind(objects, kind)
    return found


def validate(document: Mapping[str, Any]) -> None:
    """Raises if a server would refuse the object."""
    if not document["apiVersion"].startswith(OPERATOR):
        kubernetes_validate.validate(dict(document), KUBERNETES, strict=True)
        return
    schema = SCHEMAS / f"{document['kind'].lower()}.json"
    jsonschema.Draft202012Validator(json.loads(schema.read_text(encoding="utf-8"))).validate(
        document["spec"]
    )


@pytest.mark.parametrize("name", ["base", "example"])
def test_each_object_is_valid(name: str, request: pytest.FixtureRequest) -> None:
    objects: Objects = request.getfixturevalue(name)
    for each in objects:
        validate(each)
        assert len(json.dumps(each)) < MOST_BYTES, each["metadata"]["name"]


def test_a_mistake_is_found(base: Objects) -> None:
    deployment = copy.deepcopy(dict(only(base, "Deployment")))
    deployment["spec"]["template"]["spec"]["containers"][0]["volumeMount"] = []
    with pytest.raises(kubernetes_validate.ValidationError):
        validate(deployment)
    monitor = copy.deepcopy(dict(only(base, "ServiceMonitor")))
    monitor["spec"]["endpoints"][0]["scrapeInterval"] = "1s"
    with pytest.raises(jsonschema.ValidationError):
        validate(monitor)
    alerts = copy.deepcopy(dict(only(base, "AlertmanagerConfig")))
    alerts["spec"]["receivers"][0]["webhookConfigs"][0]["sendResolved"] = "true"
    with pytest.raises(jsonschema.ValidationError):
        validate(alerts)


def test_every_name_that_one_object_gives_another_exists(example: Objects) -> None:
    deployment = only(example, "Deployment")
    pod = deployment["spec"]["template"]
    (container,) = pod["spec"]["containers"]
    labels = pod["metadata"]["labels"]
    for selector in (
        deployment["spec"]["selector"]["matchLabels"],
        only(example, "Service")["spec"]["selector"],
        only(example, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
    ):
        assert selector
        assert selector.items() <= labels.items()
    service = only(example, "Service")
    monitor = only(example, "ServiceMonitor")["spec"]
    selected = monitor["selector"]["matchLabels"]
    assert selected
    assert selected.items() <= service["metadata"]["labels"].items()
    ports = {port["name"]: port["targetPort"] for port in service["spec"]["ports"]}
    assert set(ports.values()) <= {port["name"] for port in container["ports"]}
    assert {endpoint["port"] for endpoint in monitor["endpoints"]} <= ports.keys()
    volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
    assert {mount["name"] for mount in container["volumeMounts"]} == volumes.keys()
    claims = {each["metadata"]["name"] for each in of_kind(example, "PersistentVolumeClaim")}
    maps = {each["metadata"]["name"] for each in of_kind(example, "ConfigMap")}
    for volume in volumes.values():
        if claim := volume.get("persistentVolumeClaim"):
            assert claim["claimName"] in claims
        if config := volume.get("configMap"):
            assert config["name"] in maps


def test_every_runbook_is_there_and_no_dashboard_is_forgotten(base: Objects) -> None:
    maps = {each["metadata"]["name"]: each["data"] for each in of_kind(base, "ConfigMap")}
    docs = {path.name for path in (REPOSITORY / "docs/runbooks").glob("*.md")}
    assert maps.pop("benchmark-runbooks").keys() == maps.pop("benchmark-runbooks-ja").keys() == docs
    dashboards = {path.name for path in (REPOSITORY / "grafana/dashboards").glob("*.json")}
    shown = {name for data in maps.values() for name in data}
    assert shown == dashboards - {"resources.json", "stack-health.json"}


def test_the_pod_keeps_to_the_restricted_profile(base: Objects) -> None:
    """As https://kubernetes.io/docs/concepts/security/pod-security-standards/ lists it."""
    namespace = only(base, "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    pod = only(base, "Deployment")["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] != 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    allowed = {"configMap", "emptyDir", "persistentVolumeClaim", "projected", "secret"}
    assert all(set(volume) - {"name"} <= allowed for volume in pod["volumes"])
    for container in pod["containers"]:
        context = container["securityContext"]
        assert context["allowPrivilegeEscalation"] is False
        assert context["readOnlyRootFilesystem"] is True
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert all("hostPort" not in port for port in container["ports"])


def test_another_namespace_needs_one_change(kustomize: str, tmp_path: Path) -> None:
    for name in ("kubernetes", "docs/runbooks", "docs/ja/runbooks", "grafana/dashboards"):
        shutil.copytree(REPOSITORY / name, tmp_path / name)
    path = tmp_path / "kubernetes/base/kustomization.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("namespace: benchmarks\n", "namespace: perf\n", 1), "utf-8")
    objects = build(kustomize, path.parent)
    assert {each["metadata"].get("namespace", "perf") for each in objects} == {"perf"}
    rules = [
        rule
        for group in only(objects, "PrometheusRule")["spec"]["groups"]
        for rule in group["rules"]
    ]
    assert {rule["labels"]["namespace"] for rule in rules if "alert" in rule} == {"perf"}
    receiver, _ = only(objects, "AlertmanagerConfig")["spec"]["receivers"]
    (webhook,) = receiver["webhookConfigs"]
    assert webhook["url"] == "http://benchmark-exporter.perf.svc:8000/api/v1/alerts"


def test_prometheus_accepts_the_rules(base: Objects, programs: Programs, tmp_path: Path) -> None:
    spec = only(base, "PrometheusRule")["spec"]
    path = tmp_path / "rules.yml"
    path.write_text(yaml.safe_dump(spec), encoding="utf-8")
    done = subprocess.run(
        [*programs["promtool"], "check", "rules", str(path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_rule_matches_servers_and_nodes_of_others(base: Objects) -> None:
    """Expressions name metrics of the exporter, or its jobs, alone."""
    for group in only(base, "PrometheusRule")["spec"]["groups"]:
        for rule in group["rules"]:
            text = re.sub(r'"[^"]*"', '""', str(rule["expr"]))
            foreign = re.findall(r"\b(?:node|prometheus|alertmanager|process|go)_\w+", text)
            assert not foreign, rule
            for selector in re.findall(r"\bup\b(\{[^}]*\})?", str(rule["expr"])):
                assert 'job="benchmark-exporter' in selector, rule


@pytest.mark.parametrize("severity", ["critical", "warning", "none"])
@pytest.mark.parametrize(
    "alertname",
    [
        "BenchmarkDrifting",
        "BenchmarkResultsStale",
        "CommonRegression",
        "HighMemoryUsage",
        "PerformanceRegression",
        "Watchdog",
    ],
)
def test_alerts_go_where_they_go_in_the_stack(
    example: Objects, programs: Programs, tmp_path: Path, alertname: str, severity: str
) -> None:
    built = tmp_path / "kubernetes.yml"
    configuration = operator.alertmanager_configuration(of_kind(example, "AlertmanagerConfig"))
    built.write_text(yaml.safe_dump(configuration), encoding="utf-8")
    stack = render_channels(tmp_path, CHANNELS).output
    labels = [f"alertname={alertname}", f"severity={severity}", "namespace=benchmarks"]
    found = [receivers_of(programs, path, labels) for path in (built, stack)]
    assert found[0] - {"nobody"} == found[1]
    elsewhere = receivers_of(programs, built, [*labels[:2], "namespace=other"])
    assert elsewhere == {"null"}


def receivers_of(programs: Programs, path: Path, labels: Sequence[str]) -> set[str]:
    done = amtool(programs, "config", "routes", "test", f"--config.file={path}", *labels)
    assert done.returncode == 0, done.stdout + done.stderr
    return {name.rpartition("/")[2] for name in done.stdout.strip().split(",")}


def test_the_routes_group_and_wait_as_the_stacks(example: Objects) -> None:
    stack = yaml.safe_load((REPOSITORY / "alertmanager/alertmanager.yml").read_text("utf-8"))
    times = {"group_wait": "groupWait", "repeat_interval": "repeatInterval", "group_by": "groupBy"}
    for config in of_kind(example, "AlertmanagerConfig"):
        route = config["spec"]["route"]
        # The weekly digest is the stack's alone.
        children = [each for each in stack["route"]["routes"] if "WeeklyDigest" not in str(each)]
        ours = [stack["route"], *children]
        theirs = [route, *route["routes"]]
        for mine, other in zip(ours, theirs, strict=False):
            for name, renamed in times.items():
                assert mine.get(name) == other.get(renamed), config["metadata"]["name"]


def test_texts_are_as_in_the_stack(example: Objects, programs: Programs) -> None:
    """Rendered by Alertmanager's tool, which fills in an example of an alert."""
    stack = yaml.safe_load((REPOSITORY / "alertmanager/alertmanager.yml").read_text("utf-8"))
    folder = REPOSITORY / "alertmanager/templates"
    templates = [str(folder / glob) for glob in ("*.tmpl", "en/*.tmpl")]
    expected = {
        rendered(programs, text, templates)
        for receiver in stack["receivers"]
        for _, text in operator.texts([{"metadata": {"name": ""}, "spec": {"receivers": receiver}}])
        if "template" in text and not receiver["name"].endswith("-digest")
    }
    configs = of_kind(example, "AlertmanagerConfig")
    found = {
        path: rendered(programs, text, [])
        for path, text in operator.texts(configs)
        if "template" in text
    }
    assert len(found) > len(CHANNELS)
    assert set(found.values()) == expected


def rendered(programs: Programs, text: str, templates: Sequence[str]) -> str:
    globs = [f"--template.glob={path}" for path in templates or ["/dev/null"]]
    done = amtool(programs, "template", "render", *globs, f"--template.text={text}")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_secrets_are_those_of_the_documentation(example: Objects) -> None:
    page = (REPOSITORY / "docs/kubernetes.md").read_text(encoding="utf-8")
    keys = set(re.findall(r"'(?:name|key)': '(benchmark-\w+|\w+)'", str(example)))
    for key in keys & {"credential", "pagerduty_routing_key", "slack_webhook_url", "smtp_password"}:
        assert f"{key}=" in page
