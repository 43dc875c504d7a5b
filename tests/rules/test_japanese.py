"""The Japanese texts of the alerts: each has one, with what the English one says, and is rendered.

Of each English text that a unit test of the rules expects, japanese_texts.yml has the Japanese one.
The same unit tests hold with these.
"""

import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from alertmanager import render
from benchmark_exporter.alert_texts import language
from stack import alert_texts, notify_test, prometheus_config, settings
from stack.settings import Settings, StackError
from tests.rules import rendering
from tests.rules.test_rules import EVERY_ALERT, RULES, UNIT_TESTS
from tests.support.paths import REPOSITORY

ENGLISH = settings.defaults()
JAPANESE = Settings(ENGLISH.root, {**ENGLISH.values, "ALERT_LANGUAGE": "ja"})
TRANSLATED = {"summary", "description"}
TEXTS = {
    alert: texts
    for path in RULES
    for alert, texts in alert_texts.texts(REPOSITORY, "ja", path.name).items()
}
RENDERED: Mapping[str, str] = {
    pair["en"]: pair["ja"]
    for pair in yaml.safe_load(
        (REPOSITORY / "tests/rules/japanese_texts.yml").read_text(encoding="utf-8")
    )
}
# Together they take 14 s, and their alerts' texts have no conditions.
PLAIN = {"availability_test", "history_test", "storage_test", "targets_test", "vanished_test"}
WITH_CONDITIONS = [path for path in UNIT_TESTS if path.stem not in PLAIN]
ACTION = re.compile(r"{{-?(.*?)-?}}", re.DOTALL)
STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
NUMBERS = {
    "one": "1",
    "two": "2",
    "three": "3",
    "four": "4",
    "five": "5",
    "ten": "10",
}
# What has a figure in one language only: "the last day" is 過去 1 日.
ONE = "1"


def test_every_alert_has_its_japanese_texts_in_the_file_of_its_name() -> None:
    for path in RULES:
        groups = yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
        alerts = {rule["alert"] for group in groups for rule in group["rules"] if "alert" in rule}
        texts = alert_texts.texts(REPOSITORY, "ja", path.name)
        assert texts.keys() == alerts, path.name
        assert all(each.keys() == TRANSLATED for each in texts.values())


@EVERY_ALERT
def test_a_japanese_text_uses_what_the_english_one_does(alert: Mapping[str, Any]) -> None:
    for key in TRANSLATED:
        english, japanese = alert["annotations"][key], TEXTS[alert["alert"]][key]
        assert _used(japanese) == _used(english), key


@EVERY_ALERT
def test_a_japanese_text_has_the_figures_of_the_english_one(alert: Mapping[str, Any]) -> None:
    english, japanese = (
        _figures(" ".join(texts[key] for key in sorted(TRANSLATED)))
        for texts in (alert["annotations"], TEXTS[alert["alert"]])
    )
    assert japanese - {ONE} == english - {ONE}


@EVERY_ALERT
def test_a_japanese_text_is_japanese_and_no_yaml_mapping(alert: Mapping[str, Any]) -> None:
    for text in TEXTS[alert["alert"]].values():
        assert re.search(r"[\u3040-\u30ff\u4e00-\u9fff]", ACTION.sub("", text))
        assert ": " not in text


@EVERY_ALERT
def test_japanese_text_has_spaces_where_the_glossary_wants_them(alert: Mapping[str, Any]) -> None:
    for text in TEXTS[alert["alert"]].values():
        plain = ACTION.sub("X", text)
        # Not beside punctuation and brackets, nor between characters that are not ASCII.
        assert not re.search(r" [、。（）]|[、。（）] ", plain)
        assert not re.search(r"[\u3040-\u30ff\u4e00-\u9fff] [\u3040-\u30ff\u4e00-\u9fff]", plain)
        # An address ends at a space, so that what follows is not taken for a part of it.
        assert not re.search(r"\burl }}[^ {]", text)


def test_a_rendered_text_has_no_space_beside_punctuation() -> None:
    assert [text for text in RENDERED.values() if re.search(r" [、。（）]|[、。（）] ", text)] == []


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.stem)
def test_only_texts_and_links_to_runbooks_differ(path: Path) -> None:
    english, japanese = (
        yaml.safe_load(alert_texts.rules(each)[path.name]) for each in (ENGLISH, JAPANESE)
    )
    assert english == yaml.safe_load(path.read_text(encoding="utf-8"))
    for document in (english, japanese):
        for rule in (rule for group in document["groups"] for rule in group["rules"]):
            annotations = rule.get("annotations", {})
            for key in TRANSLATED & annotations.keys():
                del annotations[key]
            if document is japanese and annotations:
                assert annotations["runbook_url"].endswith(f"/runbooks/ja/{rule['alert']}")
                annotations["runbook_url"] = annotations["runbook_url"].replace("/ja/", "/")
    assert japanese == english


def test_english_rules_are_the_files_as_they_are() -> None:
    assert alert_texts.rules(ENGLISH) == {
        path.name: path.read_text(encoding="utf-8") for path in RULES
    }


@pytest.fixture(scope="module")
def japanese_rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rules")
    for name, text in alert_texts.rules(JAPANESE).items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_promtool_finds_no_fault_in_the_japanese_rules(
    programs: Mapping[str, Sequence[str]], japanese_rules: Path
) -> None:
    words = ["check", "rules", "--lint-fatal", *map(str, japanese_rules.glob("*.yml"))]
    done = subprocess.run(
        [*programs["promtool"], *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "unit_test",
    WITH_CONDITIONS,
    ids=lambda path: path.stem,
)
def test_the_unit_tests_of_the_rules_hold_in_japanese(
    programs: Mapping[str, Sequence[str]], japanese_rules: Path, unit_test: Path, tmp_path: Path
) -> None:
    # As texts, since `values: 0x60` is no number, and without what anchors share.
    document = yaml.load(unit_test.read_text(encoding="utf-8"), yaml.BaseLoader)  # noqa: S506  # it makes texts alone
    document = json.loads(json.dumps(document))
    document["rule_files"] = [
        str(japanese_rules / Path(name).name) for name in document["rule_files"]
    ]
    for test in document["tests"]:
        test.pop("promql_expr_test", None)
    for case in (case for test in document["tests"] for case in test.get("alert_rule_test", ())):
        for alert in case["exp_alerts"]:
            alert["exp_annotations"] = {
                key: _in_japanese(key, text) for key, text in alert["exp_annotations"].items()
            }
    path = tmp_path / unit_test.name
    path.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    done = subprocess.run(
        [*programs["promtool"], "test", "rules", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_rendered_text_is_of_a_unit_test() -> None:
    expected = {
        text
        for path in WITH_CONDITIONS
        for test in yaml.safe_load(path.read_text(encoding="utf-8"))["tests"]
        for case in test.get("alert_rule_test", ())
        for alert in case["exp_alerts"]
        for key, text in alert["exp_annotations"].items()
        if key in TRANSLATED
    }
    assert RENDERED.keys() - expected == set()


def test_an_alert_without_japanese_texts_keeps_its_english_ones(tmp_path: Path) -> None:
    _write_rules(
        tmp_path,
        "groups: [{name: own, rules: [{alert: Mine, expr: up == 0, "
        "annotations: {summary: mine, runbook_url: 'https://wiki.example.org/mine'}}]}]",
    )
    own = Settings(tmp_path, JAPANESE.values)
    [rule] = yaml.safe_load(alert_texts.rules(own)["own.yml"])["groups"][0]["rules"]
    assert rule["annotations"] == {
        "summary": "mine",
        "runbook_url": "https://wiki.example.org/mine",
    }


def test_a_folder_has_the_rules_of_now_alone(tmp_path: Path) -> None:
    english = "groups: [{name: own, rules: [{alert: Mine, expr: up == 0}]}] # as written\n"
    _write_rules(tmp_path, english)
    (tmp_path / "secrets").mkdir()
    folder = tmp_path / "rules"
    prometheus_config.write_rules(Settings(tmp_path, JAPANESE.values), folder)
    assert "# Made of prometheus/rules/own.yml" in (folder / "own.yml").read_text("utf-8")
    (tmp_path / "prometheus/rules/own.yml").rename(tmp_path / "prometheus/rules/other.yml")
    prometheus_config.write_rules(Settings(tmp_path, ENGLISH.values), folder)
    assert [path.name for path in folder.iterdir()] == ["other.yml"]
    assert (folder / "other.yml").read_text("utf-8") == english


@pytest.mark.parametrize("text", ["groups: [", "groups: 3", "[]", "groups: [{name: x}]"])
def test_a_file_that_is_not_one_of_rules_is_named(tmp_path: Path, text: str) -> None:
    _write_rules(tmp_path, text)
    with pytest.raises(StackError, match=r"^prometheus/rules/own\.yml is not a file of rules: "):
        alert_texts.rules(Settings(tmp_path, JAPANESE.values))


@pytest.mark.parametrize("text", ["Mine: [", "Mine: text", "- Mine"])
def test_a_file_that_has_no_texts_of_alerts_is_named(tmp_path: Path, text: str) -> None:
    _write_rules(tmp_path, "groups: []")
    (tmp_path / "prometheus/rules/ja").mkdir()
    (tmp_path / "prometheus/rules/ja/own.yml").write_text(text, encoding="utf-8")
    with pytest.raises(StackError, match=r"^prometheus/rules/ja/own\.yml is not texts of alerts: "):
        alert_texts.rules(Settings(tmp_path, JAPANESE.values))


def test_the_test_alert_and_all_programs_know_the_same_languages() -> None:
    assert set(alert_texts.LANGUAGES) == set(language.LANGUAGES) == set(render.LANGUAGES)
    folders = {path.name for path in (REPOSITORY / "alertmanager/templates").glob("*/")}
    assert folders == notify_test.TEXTS.keys() == set(alert_texts.LANGUAGES)
    for texts in notify_test.TEXTS.values():
        assert texts.keys() == TRANSLATED
        assert "`make notify-test`" in texts["description"]
        assert ": " not in "".join(texts.values())


def test_words_of_messages_have_the_same_names_in_each_language() -> None:
    english, japanese = (
        re.findall(
            r'define "([^"]+)"',
            (REPOSITORY / f"alertmanager/templates/{each}/words.tmpl").read_text(encoding="utf-8"),
        )
        for each in ("en", "ja")
    )
    assert english == japanese
    assert len(set(english)) == len(english)


def test_a_language_that_there_is_not_is_refused(tmp_path: Path) -> None:
    refused = rendering.render(tmp_path, secrets={}, settings={"ALERT_LANGUAGE": "jp"})
    assert refused.process.returncode == 1
    assert "ALERT_LANGUAGE must be 'en' or 'ja', not 'jp'" in refused.process.stderr


def _write_rules(root: Path, text: str) -> None:
    (root / "prometheus/rules").mkdir(parents=True)
    (root / "prometheus/rules/own.yml").write_text(text, encoding="utf-8")


def _in_japanese(key: str, text: str) -> str:
    if key == "runbook_url":
        return text.replace("/runbooks/", "/runbooks/ja/")
    if key not in TRANSLATED or not text:
        return text
    assert text in RENDERED, f"japanese_texts.yml has no Japanese for: {text}"
    return RENDERED[text]


def _used(template: str) -> set[str]:
    """The labels, values and queries of a template, and how it writes them."""
    actions = [" ".join(action.split()) for action in ACTION.findall(template)]
    used = set()
    for action in actions:
        plain = STRING.sub('""', action)
        used |= set(re.findall(r"\$?\.?Labels\.\w+|\$\w+Labels\.\w+|\$labels\.\w+", plain))
        used |= set(re.findall(r"humanize\w*|\$externalURL", plain))
        # Queries and formats; words in the template's own language are neither.
        used |= {text for text in STRING.findall(action) if re.search(r"[%{(^;]", text)}
    return used


def _figures(template: str) -> set[str]:
    words = re.sub(
        r"\w+",
        lambda match: NUMBERS.get(match[0].lower(), match[0]),
        ACTION.sub(" ", template),
        flags=re.ASCII,
    )
    return set(re.findall(r"(?<![\w.])\d+(?:\.\d+)?", words, flags=re.ASCII))
