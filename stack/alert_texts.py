"""The alert rules in the language of ALERT_LANGUAGE: those of prometheus/rules with other texts.

Names of files and groups, expressions and labels stay the same. By these Prometheus knows its
alerts, so a change of language ends none and begins none.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from benchmark_exporter.config_file.mistakes import yaml_mistake
from stack.settings import Settings, StackError

SETTING = "ALERT_LANGUAGE"
ENGLISH = "en"
LANGUAGES = (ENGLISH, "ja")
RULES = Path("prometheus/rules")
# A line break within a Japanese sentence, which YAML reads as a space.
_BREAK = re.compile(r"(?<=[^\x00-\x7f→×]) (?=[^\x00-\x7f→×])|(?<=[、。（）]) | (?=[、。（）])")
_RUNBOOK = re.compile(r"/runbooks(?=/\w+$)")
# What a file of another shape than expected raises.
_MISTAKES = (yaml.YAMLError, KeyError, TypeError, AttributeError)

Texts = Mapping[str, Mapping[str, str]]


def is_english(settings: Settings) -> bool:
    """Whether alerts have the texts that stand in the rules themselves."""
    return settings[SETTING] == ENGLISH


def rules(settings: Settings) -> dict[str, str]:
    """The text of each file of rules by its name; the English ones are as they were written.

    Raises:
        OSError: a file cannot be read.
        StackError: a file is not one of rules, or its texts are not.
    """
    root = settings.root
    found = {
        path.name: path.read_text(encoding="utf-8") for path in sorted((root / RULES).glob("*.yml"))
    }
    if is_english(settings):
        return found
    language = settings[SETTING]
    return {name: _in_language(name, text, root, language) for name, text in found.items()}


def texts(root: Path, language: str, name: str) -> Texts:
    """The summary and description of each alert of a file of rules, by the alert's name.

    Empty if the file has none in that language.

    Raises:
        OSError: they cannot be read.
        StackError: they are not texts of alerts.
    """
    path = RULES / language / name
    if not (root / path).is_file():
        return {}
    try:
        written = yaml.safe_load((root / path).read_text(encoding="utf-8"))
        return {
            alert: {key: _BREAK.sub("", text) for key, text in annotations.items()}
            for alert, annotations in written.items()
        }
    except _MISTAKES as error:
        raise StackError(f"{path} is not texts of alerts: {yaml_mistake(error)}") from error


def in_language(document: Any, of_alerts: Texts, language: str) -> Any:
    """A document of rules with these texts, and with links to the runbooks of that language.

    An alert without a text of its own keeps the one that it has.
    """
    groups = [
        {**group, "rules": [_rule(rule, of_alerts, language) for rule in group["rules"]]}
        for group in document["groups"]
    ]
    return {**document, "groups": groups}


def _rule(rule: dict[str, Any], of_alerts: Texts, language: str) -> dict[str, Any]:
    if "annotations" not in rule:
        return rule
    annotations = {**rule["annotations"], **of_alerts.get(rule.get("alert", ""), {})}
    if "runbook_url" in annotations:
        url = annotations["runbook_url"]
        annotations["runbook_url"] = _RUNBOOK.sub(f"/runbooks/{language}", url)
    return {**rule, "annotations": annotations}


def _in_language(name: str, text: str, root: Path, language: str) -> str:
    of_alerts = texts(root, language, name)
    try:
        document = in_language(yaml.safe_load(text), of_alerts, language)
    except _MISTAKES as error:
        raise StackError(f"{RULES / name} is not a file of rules: {yaml_mistake(error)}") from error
    head = f"# Made of {RULES / name} and {RULES / language / name}; edit those.\n"
    return head + yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=1000)
