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
        ("settle_second: 3", "unknown field `settle_second`"),
        ("gate: {speedup: 3}", r"unknown field `speedup` - at `\$\.gate`"),
        ("gates: {release: {speedup: 3}}", r"unknown field `speedup` - at `\$\.gates\[\.\.\.\]`"),
        (
            "judgement: {least_runs: 61}",
            r"least_runs \(61\) must not exceed window_runs \(60\) - at `\$\.judgement`",
        ),
        ("judgement: {window_runs: 1001}", r"\$\.judgement\.window_runs"),
        ("judgement: {tail_share: 0}", r"tail_share \(0\) must be more than 0"),
        ("aliases: [{old: a}]", r"missing required field `new` - at `\$\.aliases\[0\]`"),
        ("aliases: [{old: a, new: b, to: c}]", r"unknown field `to` - at `\$\.aliases\[0\]`"),
        ("aliases: [{old: a, new: ''}]", r"\$\.aliases\[0\]\.new"),
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
        ("settle_seconds: soon", r"Expected `float`, got `str` - at `\$\.settle_seconds`"),
        ("settle_seconds: 0", r"\$\.settle_seconds"),
        ("settle_seconds: .inf", r"\$\.settle_seconds"),
        ("settle_seconds: .nan", r"\$\.settle_seconds"),
        ("max_file_bytes: -1", r"\$\.max_file_bytes"),
        ("max_label_bytes: 3", r"\$\.max_label_bytes"),
        ("max_label_bytes: 501", r"\$\.max_label_bytes"),
        ("max_series: 999", r"\$\.max_series"),
        ("series_max_age_days: 0", r"\$\.series_max_age_days"),
        (
            "timezone: Mars/Olympus",
            r"timezone: 'Mars/Olympus' is not a zone like Asia/Tokyo or UTC",
        ),
        ("timezone: ../../etc/passwd", "is not a zone like"),
        ("timezone: ''", "is not a zone like"),
        ("project: ''", r"\$\.project"),
        ("project: 2026-13-45", "is not valid YAML: month must be in 1..12"),
        ("- a\n- b", "Expected `object`, got `array`"),
        ("a: [", "is not valid YAML"),
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
