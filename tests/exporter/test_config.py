"""config.yaml to settings, or to an error that says what is wrong with which key."""

from pathlib import Path

import msgspec
import pytest

from benchmark_exporter.config import Config, ConfigError, load_config, packaged
from benchmark_exporter.regression import Limits
from tests.support.paths import REPOSITORY


def test_the_file_that_comes_with_the_package_states_every_default() -> None:
    path = packaged("config.yaml")
    assert load_config(path) == Config()
    stated = path.read_text(encoding="utf-8")
    assert [name for name in Config.__struct_fields__ if f"\n{name}:" not in stated] == []


def test_every_limit_of_the_judgement_is_stated_and_explained() -> None:
    stated, explained = (
        packaged("config.yaml").read_text(encoding="utf-8"),
        (REPOSITORY / "docs" / "detection.md").read_text(encoding="utf-8"),
    )
    for name, value in msgspec.structs.asdict(Limits()).items():
        assert f"\n  {name}: {'null' if value is None else value}\n" in stated
        assert f"`{name}`" in explained


def test_an_empty_file_is_all_defaults(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("# nothing\n")
    assert load_config(tmp_path / "config.yaml") == Config()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("settle_second: 3", "settle_second: there is no such key; did you mean settle_seconds?"),
        ("colour: red", "colour: there is no such key$"),
        ("gate: {speedup: 3}", r"gate\.speedup: there is no such key; did you mean speedup_p95?"),
        (
            "gates: {release: {absolute_p95: 3}}",
            r"gates\[\.\.\.\]\.absolute_p95: .* key; did you mean absolute_p95_ms?",
        ),
        (
            "judgement: {least_runs: 61}",
            r"judgement: least_runs \(61\) must not exceed window_runs \(60\)$",
        ),
        (
            "judgement: {window_runs: 1001}",
            r"judgement\.window_runs: must be a whole number of at most 1000",
        ),
        ("judgement: {tail_share: 0}", r"tail_share \(0\) must be more than 0"),
        ("aliases: [{old: a}]", r"aliases\[0\]\.new: is missing"),
        ("aliases: [{old: a, new: b, to: c}]", r"aliases\[0\]\.to: there is no such key"),
        ("aliases: [{old: a, new: ''}]", r"aliases\[0\]\.new: must not be empty"),
        ("aliases: [{old: a, new: a}]", r"aliases\[0\]\.new: 'a' is the old name"),
        ("aliases: [{old: a, new: a/b}]", r"aliases\[0\]\.new: 'a/b' begins with the old name"),
        (
            "aliases: [{old: a, new: b}, {old: b, new: c, project: p}]",
            r"aliases\[0\]\.new: 'b' is renamed by aliases\[1\]; name what it is called in the end",
        ),
        (
            "aliases: [{old: a, new: b/x}, {old: b, new: a}]",
            r"aliases\[0\]\.new: 'b/x' is renamed by aliases\[1\]",
        ),
        (
            "aliases: [{old: a, new: b}, {old: c, new: d}, {old: a, new: e}]",
            r"aliases\[0\]\.old: 'a' is that of aliases\[2\] too",
        ),
        ("settle_seconds: soon", "settle_seconds: must be a number, not text"),
        ("settle_seconds: 0", "settle_seconds: must be a number of more than 0"),
        ("settle_seconds: .inf", "settle_seconds: must be a number"),
        ("settle_seconds: .nan", "settle_seconds: must be a number"),
        ("max_file_bytes: -1", "max_file_bytes: must be a whole number of at least 1"),
        ("max_label_bytes: 3", "max_label_bytes: must be a whole number of at least 16"),
        ("max_label_bytes: 501", "max_label_bytes: must be a whole number of at most 500"),
        ("max_series: 999", "max_series: must be a whole number of at least 1000"),
        ("series_max_age_days: 0", "series_max_age_days: must be a number of more than 0"),
        (
            "timezone: Mars/Olympus",
            r"timezone: 'Mars/Olympus' is not a zone like Asia/Tokyo or UTC",
        ),
        ("timezone: ../../etc/passwd", "is not a zone like"),
        ("timezone: ''", "is not a zone like"),
        ("project: ''", "project: must not be empty"),
        ("project: 2026-13-45", "is not valid YAML: month must be in 1..12"),
        ("- a\n- b", "must be keys with values, not a list"),
        ("a: [", "is not valid YAML: line 1, column 5: expected the node content"),
        (
            "gate:\n  speedup_p50: 3\n bad indent",
            "is not valid YAML: line 3, column 2: expected <block end>",
        ),
        ("a: \x07", "is not valid YAML"),
    ],
)
def test_what_is_wrong_is_named_with_file_and_key(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message) as caught:
        load_config(path)
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize("name", ["missing.yaml", "folder", "latin1.yaml"])
def test_a_file_that_cannot_be_read_is_named(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "latin1.yaml").write_bytes(b"project: caf\xe9")
    with pytest.raises(ConfigError, match=rf"^{tmp_path / name}: cannot be read"):
        load_config(tmp_path / name)
