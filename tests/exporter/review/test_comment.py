"""The comment, as it is posted: against Markdown that a person has read."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from benchmark_exporter.review.comment import LONGEST_BYTES, Frame, render, summary
from benchmark_exporter.review.markdown import marker
from benchmark_exporter.review.report import Change, Failure, Moved, Report

GOLDEN = Path(__file__).parent / "golden"
UPDATE = ".venv/bin/python -m pytest tests/exporter/review/test_comment.py --update-golden"
FRAME = Frame("octo/router")
COMPARISON = Report(
    "comparison",
    [
        Change("route/cold", "seconds", 0.0121, 0.0123, -0.016, -0.031, -0.001, 0.012, "same"),
        Change("route/hot", "seconds", 0.0148, 0.0123, 0.2033, 0.1822, 0.2251, 0.011, "worse"),
        Change("peak memory", "bytes", 9.1e6, 6.9e6, 0.3188, 0.3012, 0.3371, 0.002, "worse"),
        Change("parse", "per_second", 52000.0, 41000.0, 0.2683, 0.2402, 0.297, 0.02, "better"),
        Change("index", "seconds", 1.31, 1.25, 0.048, -0.02, 0.121, 0.05, "undecided"),
        Change("tokens", "items", 6.0, 5.0, 0.2, 0.2, 0.2, None, None, "no known direction"),
        Change("fan out", "seconds", 25.0, 1.0, 24.0, 22.0, 27.0, 0.3, "worse"),
    ],
    missing=["render"],
    rounds=20,
)
HISTORY = Report(
    "history",
    [
        Change(
            "route/hot", "seconds", 0.0148, 0.0123, 0.2033, 0.1733, 0.2333, 0.03, "worse",
            "critical", "router", "ci", "linux-x86_64", "main",
        ),
        Change("route/cold", "seconds", 0.0124, 0.0123, 0.008, -0.02, 0.04, 0.03, "same", "ok"),
        Change("parse", "seconds", 0.0148, 0.0123, 0.2033, 0.1, 0.3, 0.1, "undecided", "suspect"),
        Change("new", "seconds", 0.5, detail="insufficient data"),
        Change("route, speedup", "ratio", 9.0, outcome="worse", detail="fails its gate",
               benchmark="route"),
    ],
    against="main",
    commit="a1b2c3d4e5f60718293a4b5c6d7e8f9012345678",
    passed=False,
    failures=[Failure("render", "MemoryError: no room")],
    moved=Moved(12, 14, 0.31),
)  # fmt: skip
CASES = {
    "comparison": (COMPARISON, FRAME),
    "history": (
        HISTORY,
        Frame(
            "octo/router",
            "nightly",
            "https://grafana.example",
            "https://github.example/octo/router/actions/runs/9",
            foreign=True,
        ),
    ),
    "nothing": (Report("comparison", []), FRAME),
}


@pytest.mark.parametrize("name", CASES)
def test_a_comment_is_as_it_was_read(name: str, request: pytest.FixtureRequest) -> None:
    path = GOLDEN / f"{name}.markdown"
    body = render(*CASES[name])
    if request.config.getoption("--update-golden", default=False):
        path.write_text(body, encoding="utf-8")
    assert body == path.read_text(encoding="utf-8"), f"if it is meant: {UPDATE}"


def test_the_worst_comes_first() -> None:
    body = render(COMPARISON, FRAME)
    names = ["fan out", "peak memory", "route/hot", "index", "parse", "tokens", "route/cold"]
    assert re.findall(r"^\| `([^`]+)`", body, re.MULTILINE) == [*names, "render"]
    assert summary(COMPARISON) == (
        "3 worse, 1 undecided, 1 better, 1 without a verdict, 1 unchanged"
    )


def many(count: int, name: str) -> Report:
    changes = [
        Change(
            f"{name}{number:05}", "seconds", 1.0 + number / 1e5, 1.0, number / 1e5, -1.0, 1.0, 0.1,
            ("same", "better", "undecided", "worse")[number % 4],
        )
        for number in range(count)
    ]  # fmt: skip
    return Report(
        "comparison",
        changes,
        failures=[Failure(f"{name}{number}", name * 40) for number in range(3)],
        missing=[f"{name}{number}" for number in range(7)],
    )


@pytest.mark.parametrize("name", ["a", "änderung ", "🐌" * 90])
@pytest.mark.parametrize("count", [300, 2_000])
@pytest.mark.parametrize("grafana_url", ["", "https://grafana.example"])
def test_a_long_comment_is_cut_to_the_limit_and_counts_the_rest(
    name: str, count: int, grafana_url: str
) -> None:
    report = many(count, name)
    body = render(report, replace(FRAME, grafana_url=grafana_url))
    assert len(body.encode()) <= LONGEST_BYTES
    assert body.startswith(marker("octo/router", "") + "\n")
    shown = len(re.findall(r"^\| `", body, re.MULTILINE))
    left_out = re.search(r"^… and (.+), for which a comment has no room\.$", body, re.MULTILINE)
    rest = sum(map(int, re.findall(r"\d+", left_out[1]))) if left_out else 0
    assert shown + rest == count + 3 + 7
    assert left_out or len(body.encode()) < LONGEST_BYTES
    assert body.count("<details>") == body.count("</details>")
    # Nothing less important is shown before all that is more so.
    of_worse = [each for each in report.changes if each.outcome == "worse"]
    ratios = sorted((each.ratio or 0.0 for each in of_worse), reverse=True)
    assert f"{ratios[0]:+.2%}" in body
    if " worse" in (left_out[1] if left_out else ""):
        assert "<details>" not in body
        assert "better**" not in body


def test_the_limit_is_used() -> None:
    body = render(many(20_000, "benchmark "), FRAME)
    assert len(body.encode()) > 0.95 * LONGEST_BYTES


@pytest.mark.parametrize("suite", ["", "x" * 200])
def test_a_marker_names_project_and_suite(suite: str) -> None:
    body = render(COMPARISON, Frame("octo/router", suite))
    assert body.split("\n")[0] == f"<!-- benchmark-exporter octo%2Frouter/{suite} -->"
