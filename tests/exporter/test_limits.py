"""Limits per benchmark: which entry applies to which result, and what is wrong with one."""

from pathlib import Path

import pytest

from benchmark_exporter.config import Config, ConfigError, load_config
from benchmark_exporter.judge import Verdict
from benchmark_exporter.limits import Key, LimitsFor, ResultLimits


def limits(text: str, tmp_path: Path) -> LimitsFor:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    return load_config(path).limits_for


def key(
    name: str = "parse/fast",
    *,
    project: str = "router",
    environment: str = "ci",
    machine_class: str = "",
    branch: str = "main",
    unit: str = "seconds",
) -> Key:
    return project, environment, machine_class, branch, name, unit


def test_without_entries_all_is_judged_by_the_default() -> None:
    default = Config().limits_for
    assert default.of(key()) == ResultLimits(default.default)


def test_the_first_entry_that_matches_decides(tmp_path: Path) -> None:
    found = limits(
        """
        limits:
          - {match: "parse/*", project: router, tolerance: 0.1}
          - {match: "parse/*", tolerance: 0.2}
          - {match: "*", unit: bytes, tolerance: 0.25}
        """,
        tmp_path,
    )
    assert found.of(key()).name == "limits[0] parse/*"
    assert found.judgement_of(key()).tolerance_ratio == 0.1
    assert found.judgement_of(key(project="other")).tolerance_ratio == 0.2
    assert found.judgement_of(key("render")).tolerance_ratio == 0.07
    assert found.of(key("render")).name == ""
    assert found.judgement_of(key("render", unit="bytes")).tolerance_ratio == 0.25


@pytest.mark.parametrize(
    ("entry", "matching", "other"),
    [
        ("match: 'parse*'", key(), key("reparse")),
        ("match: parse", key("parse"), key("parse/fast")),
        # pytest's parameters look like a glob's alternatives.
        ("match: 'test_x[a-b]'", key("test_x[a-b]"), key("test_xc")),
        ("project: 'rou*'", key(), key(project="other")),
        ("environment: ci", key(), key(environment="local")),
        ("branch: 'release/*'", key(branch="release/2"), key()),
        ("machine_class: '*arm64*'", key(machine_class="linux arm64"), key()),
        ("unit: bytes", key(unit="bytes"), key()),
    ],
)
def test_an_entry_matches_by(entry: str, matching: Key, other: Key, tmp_path: Path) -> None:
    found = limits(f"limits: [{{{entry}, severity: none}}]", tmp_path)
    assert found.of(matching).severity == "none"
    assert found.of(other).severity == "critical"


@pytest.mark.parametrize(
    ("text", "unit", "least"),
    [
        ("50us", "seconds", 50e-6),
        ("50 µs", "seconds", 50e-6),
        ("5ns", "seconds", 5e-9),
        ("1.5e-3 s", "seconds", 1.5e-3),
        ("1MiB", "bytes", 2.0**20),
        ("10 kB", "bytes", 1e4),
        ("20 Mops/s", "per_second", 2e7),
    ],
)
def test_a_least_change_with_a_unit_applies_to_results_of_its_kind(
    text: str, unit: str, least: float, tmp_path: Path
) -> None:
    found = limits(f"limits: [{{least_change: {text}}}]", tmp_path)
    assert found.judgement_of(key(unit=unit)).least_change == pytest.approx(least)
    assert found.of(key(unit="widgets")).name == ""


@pytest.mark.parametrize("text", ["5", "'5'", "5.0"])
def test_a_least_change_without_a_unit_is_in_that_of_the_result(text: str, tmp_path: Path) -> None:
    found = limits(f"limits: [{{least_change: {text}}}]", tmp_path)
    for unit in ("seconds", "widgets"):
        assert found.judgement_of(key(unit=unit)).least_change == 5.0


def test_what_is_not_set_is_as_in_the_judgement(tmp_path: Path) -> None:
    found = limits(
        "judgement: {noise_factor: 3.0}\n"
        "limits: [{tolerance: 0.1, window: 100, accept_after: never}]",
        tmp_path,
    )
    judgement = found.judgement_of(key())
    assert (judgement.noise_factor, judgement.small_ratio) == (3.0, 0.03)
    assert (judgement.window_runs, judgement.accept_after_runs) == (100, None)
    assert found.default.accept_after_runs == 30


@pytest.mark.parametrize(("tolerance", "small", "large"), [(0.02, 0.02, 0.3), (0.5, 0.03, 0.5)])
def test_small_and_large_follow_the_tolerance(
    tolerance: float, small: float, large: float, tmp_path: Path
) -> None:
    judgement = limits(f"limits: [{{tolerance: {tolerance}}}]", tmp_path).judgement_of(key())
    assert (judgement.small_ratio, judgement.large_ratio) == (small, large)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("{tolerance: much}", r"limits\[1\]\.tolerance: must be a number or null, not text"),
        ("{tolerance: -1}", r"limits\[1\]\.tolerance: must be a number of at least 0"),
        ("{tolerance: .inf}", r"limits\[1\]\.tolerance: "),
        ("{tolerance: .nan}", r"limits\[1\]\.tolerance: "),
        ("{small: 0.2}", r"limits\[1\]\.small: small \(0.2\) must not exceed tolerance"),
        ("{small: 0.2, tolerance: 0.1}", r"small \(0.2\) must not exceed tolerance \(0.1\)"),
        ("{large: 0.01}", r"limits\[1\]\.large: tolerance \(0.07\) must not exceed large"),
        ("{window: 5}", r"limits\[1\]\.window: least_runs \(8\) must not exceed window \(5\)"),
        ("{window: 1001}", r"limits\[1\]\.window: "),
        ("{noise_factor: 0}", r"limits\[1\]\.noise_factor: "),
        ("{accept_after: 3}", r"limits\[1\]\.accept_after: .*at least 8, or never"),
        ("{accept_after: sometimes}", r"limits\[1\]\.accept_after: "),
        ("{accept_after: true}", r"limits\[1\]\.accept_after: "),
        ("{severity: low}", r"limits\[1\]\.severity: Invalid enum value 'low'"),
        ("{severity: null}", r"limits\[1\]\.severity: "),
        ("{match: ''}", r"limits\[1\]\.match: "),
        ("{tolerance_ratio: 1}", r"limits\[1\]\.tolerance_ratio: .*; here it is called tolerance"),
        ("{benchmark: x}", r"limits\[1\]\.benchmark: there is no such key"),
        ("{tolerence: 1}", r"limits\[1\]\.tolerence: .* key; did you mean tolerance?"),
        ("[x]", r"limits\[1\]: must be keys with values, not a list"),
        ("{least_change: 50usx}", r"limits\[1\]\.least_change: '50usx' is not 0 or a positive"),
        ("{least_change: us}", r"limits\[1\]\.least_change: 'us' is not"),
        ("{least_change: ''}", r"limits\[1\]\.least_change: '' is not"),
        ("{least_change: -5ns}", r"limits\[1\]\.least_change: '-5ns' is not"),
        ("{least_change: -5}", r"limits\[1\]\.least_change: -5.0 must be 0 or"),
        ("{least_change: .nan}", r"limits\[1\]\.least_change: nan must be 0 or"),
        ("{least_change: 1e999s}", r"limits\[1\]\.least_change: '1e999s' is not"),
        ("{least_change: 5%}", r"limits\[1\]\.least_change: '5%' is a share; tolerance is"),
        (
            "{least_change: 5ns, unit: bytes}",
            r"limits\[1\]\.least_change: '5ns' is in seconds, but unit is 'bytes'",
        ),
        ("{unit: ms}", r"limits\[1\]\.unit: results in 'ms' are stored in 'seconds'"),
    ],
)
def test_what_is_wrong_is_named_with_its_entry_and_key(
    entry: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        limits(f"limits: [{{severity: none}}, {entry}]", tmp_path)
    assert str(caught.value).startswith(f"{tmp_path / 'config.yaml'}: ")


def test_entries_are_a_list(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="limits: must be a list, not keys with values"):
        limits("limits: {tolerance: 0.1}", tmp_path)


@pytest.mark.parametrize(
    ("severity", "state", "becomes"),
    [
        ("critical", "critical", "critical"),
        ("warning", "critical", "warning"),
        ("warning", "warning", "warning"),
        ("none", "critical", "suspect"),
        ("none", "warning", "suspect"),
        ("none", "improved", "improved"),
    ],
)
def test_a_severity_caps_the_verdict(
    severity: str, state: str, becomes: str, tmp_path: Path
) -> None:
    found = limits(f"limits: [{{match: parse/fast, severity: {severity}}}]", tmp_path)
    verdict = found.of(key()).applied(Verdict(state, 1.0))  # type: ignore[arg-type]  # a parameter
    assert verdict.state == becomes
    assert verdict.uncapped == (state if becomes != state else None)
    assert verdict.limits == "limits[0] parse/fast"


def test_more_series_than_are_remembered_are_still_found(tmp_path: Path) -> None:
    found = limits("limits: [{match: 'x*', tolerance: 0.1}]", tmp_path)
    for number in range(20_001):
        assert found.of(key(f"x{number}")).name
    assert found.of(key("x0")).name
    assert not found.of(key("y")).name
