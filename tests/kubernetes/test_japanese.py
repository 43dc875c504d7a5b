"""The component `japanese`: the example's objects with other texts, those of the stack."""

import copy
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmark_exporter.alert_texts.language import language_in
from stack import alert_texts, settings
from stack.settings import Settings
from tests.kubernetes import operator
from tests.kubernetes.test_kubernetes import (
    Objects,
    Programs,
    build,
    of_kind,
    only,
    rendered,
    validate,
)
from tests.support.paths import REPOSITORY

ENGLISH = settings.defaults()
JAPANESE = Settings(ENGLISH.root, {**ENGLISH.values, "ALERT_LANGUAGE": "ja"})
TEXTS = ("summary", "description", "runbook_url")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the example that anyone may change."""
    root = tmp_path_factory.mktemp("japanese")
    for name in ("kubernetes", "docs", "grafana/dashboards"):
        shutil.copytree(REPOSITORY / name, root / name)
    return root / "kubernetes/example"


@pytest.fixture(scope="module")
def english(kustomize: str, folder: Path) -> Objects:
    return build(kustomize, folder)


@pytest.fixture(scope="module")
def japanese(kustomize: str, folder: Path, english: Objects) -> Objects:
    """The same with the component: built after the other, since both are in one folder."""
    assert english
    path = folder / "kustomization.yaml"
    text = path.read_text(encoding="utf-8")
    last = "  - ../components/email\n"
    path.write_text(text.replace(last, f"{last}  - ../components/japanese\n"), encoding="utf-8")
    return build(kustomize, folder)


def test_each_object_is_valid(japanese: Objects) -> None:
    for each in japanese:
        validate(each)


def test_rules_have_the_texts_of_the_stack(english: Objects, japanese: Objects) -> None:
    expected = {
        rule["alert"]: {key: rule["annotations"][key] for key in TEXTS}
        for text in alert_texts.rules(JAPANESE).values()
        for group in yaml.safe_load(text)["groups"]
        for rule in group["rules"]
        if "alert" in rule
    }
    groups = [copy.deepcopy(only(each, "PrometheusRule")["spec"]) for each in (english, japanese)]
    found = [[rule for group in spec["groups"] for rule in group["rules"]] for spec in groups]
    for rule in found[1]:
        if "alert" in rule:
            assert {key: rule["annotations"][key] for key in TEXTS} == expected[rule["alert"]]
    for rule in (*found[0], *found[1]):
        for key in TEXTS:
            rule.get("annotations", {}).pop(key, None)
    assert groups[0] == groups[1]


def test_messages_are_as_in_the_stack(
    english: Objects, japanese: Objects, programs: Programs
) -> None:
    folder = REPOSITORY / "alertmanager/templates"
    templates = [str(folder / glob) for glob in ("*.tmpl", "ja/*.tmpl")]
    stack = yaml.safe_load((REPOSITORY / "alertmanager/alertmanager.yml").read_text("utf-8"))
    expected = {
        rendered(programs, text, templates)
        for receiver in stack["receivers"]
        for _, text in operator.texts([{"metadata": {"name": ""}, "spec": {"receivers": receiver}}])
        if "template" in text and not receiver["name"].endswith("-digest")
    }
    texts = _texts(japanese)
    assert {rendered(programs, text, []) for text in texts.values()} == expected
    assert texts.keys() == _texts(english).keys()
    # What the example says of the mail server stays.
    (mail,) = (
        receiver["emailConfigs"][0]
        for config in of_kind(japanese, "AlertmanagerConfig")
        for receiver in config["spec"]["receivers"]
        if "emailConfigs" in receiver
    )
    assert (mail["to"], mail["smarthost"]) == ("perf@example.org", "smtp.example.org:587")


def test_the_exporter_reads_the_language(japanese: Objects, tmp_path: Path) -> None:
    pod = only(japanese, "Deployment")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    (path,) = (
        Path(each["value"])
        for each in container["env"]
        if each["name"] == "BENCHMARK_EXPORTER_ALERT_LANGUAGE_FILE"
    )
    (volume,) = (
        mount["name"]
        for mount in container["volumeMounts"]
        if mount["mountPath"] == str(path.parent)
    )
    (name,) = (each["configMap"]["name"] for each in pod["volumes"] if each["name"] == volume)
    (data,) = (
        each["data"] for each in of_kind(japanese, "ConfigMap") if each["metadata"]["name"] == name
    )
    file = tmp_path / path.name
    file.write_text(data[path.name], encoding="utf-8")
    assert language_in(file)() == "ja"


def _texts(objects: Objects) -> dict[Any, str]:
    return {
        path: text
        for path, text in operator.texts(of_kind(objects, "AlertmanagerConfig"))
        if "template" in text
    }
