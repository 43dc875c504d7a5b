"""config.yaml of earlier versions: it works, and says what to change."""

import logging
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmark_exporter.config import Config, ConfigError, load_config
from benchmark_exporter.config_file import deprecations
from benchmark_exporter.config_file.deprecations import earlier_defaults, without_deprecated
from tests.support.upgrades import NAMES, unpack


@pytest.mark.parametrize("name", NAMES)
def test_the_settings_of_every_earlier_version_are_taken_over(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    earlier = unpack(name, tmp_path)
    config = load_config(earlier.config)
    assert (config.settle_seconds, config.upload_burst) == (0.2, 50)
    stated = yaml.safe_load(earlier.config.read_text(encoding="utf-8"))["judgement"]
    removed = {f"judgement.{key}" for key in stated} & deprecations.REMOVED.keys()
    warned = {record.message.split(" ")[0] for record in caplog.records}
    assert warned == removed
    assert removed if earlier.schema < 3 else not removed
    assert config.judgement.tolerance_ratio == stated["tolerance_ratio"]


def test_a_removed_key_is_ignored_with_its_successor_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("judgement: {critical_worsening_ratio: 2.0, least_runs: 9}\n")
    assert load_config(path).judgement.least_runs == 9
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.message == (
        "judgement.critical_worsening_ratio is ignored: large_ratio takes its place "
        "(docs/detection.md); remove it"
    )
    assert record.fields == {"file": path}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"limit": 3}, {"sections": {"limit": 3}}),
        ({"limit": None}, {"sections": {"limit": None}}),
        ({"limit": 3, "sections": {"limit": 4}}, {"sections": {"limit": 4}}),
        ({"sections": {"old": 5, "other": 6}}, {"new": 5, "sections": {"other": 6}}),
        ({"other": 1}, {"other": 1}),
        (["no", "object"], ["no", "object"]),
        ({"sections": None}, {"sections": None}),
    ],
)
def test_a_renamed_key_counts_for_the_new_one_unless_that_is_set(
    document: Any, expected: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deprecations, "RENAMED", {"limit": "sections.limit", "sections.old": "new"})
    before = repr(document)
    current, warnings = without_deprecated(document)
    assert current == expected
    assert repr(document) == before
    assert len(warnings) == (current != document)
    assert all("is now" in warning for warning in warnings)


def test_unknown_keys_are_still_errors(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("judgement: {outlier_shares: 0.1}\n")
    with pytest.raises(ConfigError, match="outlier_shares"):
        load_config(path)


def test_no_key_of_today_is_deprecated() -> None:
    names = {
        *Config.__struct_fields__,
        *(f"judgement.{n}" for n in Config().judgement.__struct_fields__),
    }
    assert not names & {*deprecations.RENAMED, *deprecations.REMOVED}
    assert deprecations.EARLIER_DEFAULTS.keys() <= names
    assert {key.split(".")[0] for key in deprecations.RENAMED.values()} <= names


def test_a_default_of_an_earlier_version_is_named() -> None:
    stated = {"judgement": {"shift_share": 0.5, "window_runs": 60}}
    assert earlier_defaults(stated) == ["judgement.shift_share"]
    assert earlier_defaults({"judgement": None}) == []
    assert earlier_defaults(None) == []
