"""Keys of config.yaml that earlier versions had: each warns and says what to set instead."""

import copy
from collections.abc import Mapping
from typing import Any

# Keys that only have another name now; what is set counts for the new one.
RENAMED: Mapping[str, str] = {}
# Keys that mean nothing any longer, and why.
REMOVED: Mapping[str, str] = {
    "judgement.worst_run_factor": "tail_share and mode_share take its place",
    "judgement.outlier_share": "tail_share takes its place",
    "judgement.agreement_share": "nothing takes its place",
    "judgement.critical_worsening_ratio": "large_ratio takes its place",
    "judgement.critical_noise_factor": "large_ratio takes its place",
}
# Defaults that changed, which a config.yaml copied from an earlier version still states.
EARLIER_DEFAULTS: Mapping[str, tuple[float, ...]] = {
    "judgement.tolerance_ratio": (0.1,),
    "judgement.window_runs": (50,),
    "judgement.noise_factor": (2.2,),
    "judgement.shift_share": (0.5,),
}


def without_deprecated(document: object) -> tuple[object, list[str]]:
    """A document of config.yaml with today's keys only, and a warning for each other one."""
    if not isinstance(document, dict):
        return document, []
    current, warnings = copy.deepcopy(document), []
    for key, successor in RENAMED.items():
        if (value := _taken(current, key)) is not None:
            warnings.append(f"{key} is now {successor}: rename it")
            _set_default(current, successor, value)
    for key, why in REMOVED.items():
        if _taken(current, key) is not None:
            warnings.append(f"{key} is ignored: {why} (docs/detection.md); remove it")
    return current, warnings


def earlier_defaults(document: object) -> list[str]:
    """The keys of a document that state the default of an earlier version."""
    return [
        key
        for key, values in EARLIER_DEFAULTS.items()
        if isinstance(section := _section(document, key), dict)
        and section.get(key.rpartition(".")[2]) in values
    ]


def _section(document: object, key: str) -> object:
    """What holds the last name of a key."""
    for name in key.split(".")[:-1]:
        document = document.get(name) if isinstance(document, dict) else None
    return document


def _taken(document: dict[Any, Any], key: str) -> tuple[object] | None:
    """The value of a key, which is removed from the document; None if it has none."""
    section, name = _section(document, key), key.rpartition(".")[2]
    return (section.pop(name),) if isinstance(section, dict) and name in section else None


def _set_default(document: dict[Any, Any], key: str, value: tuple[object]) -> None:
    """Sets a key that is not set."""
    *sections, name = key.split(".")
    for section in sections:
        document = document.setdefault(section, {})
    document.setdefault(name, *value)
