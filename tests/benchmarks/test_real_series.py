"""The benchmark on real series counts what happened, and has the earlier rule right."""

import csv
import json
import lzma
import random
from pathlib import Path

import pytest

from benchmarks.earlier_rule import EarlierRule
from benchmarks.histories import load, quiet_stretches
from benchmarks.online import CRITICAL, OK, WARNING, Judge
from benchmarks.real_series import main, measure

QUIET_RUNS, RUNS = 100, 160


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four series: 100 quiet runs, then a third less, and 30 runs later a fifth more than that."""
    drawn = random.Random(2026)  # noqa: S311 - simulation
    rows, segments = [], []
    for number in range(4):
        for run in range(RUNS):
            level = 100.0 if run < QUIET_RUNS else 66.0 if run < QUIET_RUNS + 30 else 79.2
            rows.append(("project", f"series {number}", run, level * drawn.gauss(1, 0.005), "", ""))
        steps = [
            {"at": QUIET_RUNS, "change_ratio": -0.34, "certain": True},
            {"at": QUIET_RUNS + 30, "change_ratio": 0.2, "certain": True},
        ]
        segments.append(
            {
                "source": "project",
                "series": f"series {number}",
                "runs": RUNS,
                "quiet": [[0, QUIET_RUNS]],
                "steps": steps,
            }
        )
    with lzma.open(tmp_path / "series.csv.xz", "wt", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("source", "series", "index", "value", "cv", "samples"))
        writer.writerows(rows)
    (tmp_path / "segments.json").write_text(json.dumps(segments), encoding="utf-8")
    return tmp_path


def test_what_is_plain_to_see_is_counted_as_found(folder: Path) -> None:
    series = load(folder)
    assert quiet_stretches(series)[0].cv_ratio == pytest.approx(0.005, rel=0.3)
    ours = measure(Judge(), series, positions=100, seed=1)
    assert ours["quiet_runs"] == 4 * (QUIET_RUNS - 20 - 8)
    assert (ours["critical_onsets"], ours["warning_onsets"]) == (0, 0)
    assert ours["critical"]["20%"] == {1: 0, 2: 0, 3: 100, 5: 100}
    assert ours["critical"]["50%"][2] == 100
    assert ours["critical"]["5%"][5] == 0
    assert (ours["steps_that_happened"], ours["happened_within_3"]) == (4, 100)
    assert (ours["lost_improvements"], ours["lost_improvements_found"]) == (4, 100)
    assert ours["second_steps_found"] == 100
    assert ours["runs_in_alarm"] == pytest.approx(100 * 4 * 28 / (4 * RUNS))
    assert ours["alarms_open_at_end"] == 4
    theirs = measure(EarlierRule(), series, positions=100, seed=1)
    assert theirs["critical"]["20%"] == {1: 0, 2: 100, 3: 100, 5: 100}
    assert theirs["lost_improvements_found"] == 0


def test_the_command_writes_the_same_figures_for_the_same_seed(folder: Path) -> None:
    outputs = [folder / "one.json", folder / "other.json"]
    for output in outputs:
        arguments = [str(folder), "--positions=60", "--json", str(output)]
        assert main([*arguments, "--output", str(output.with_suffix(".md"))]) == 0
    for suffix in (".json", ".md", ".svg"):
        one, other = (output.with_suffix(suffix).read_bytes() for output in outputs)
        assert one == other
    text = outputs[0].with_suffix(".md").read_text(encoding="utf-8")
    assert "| runs in a critical alarm | " in text
    # Of four quiet series at cv 0.5 %, every rule but the one that compares with 200 % finds all.
    assert "| ours | 0.00 | 0.00 | 100.0 | 100.0 | 100.0 |" in text
    assert "| previous run (over 2) | 0.00 | 0.00 | 0.0 | 0.0 | 0.0 |" in text
    assert "| cv to 2 % | 60 | 100 | " in text


def test_a_folder_without_series_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        main([str(tmp_path)])


@pytest.mark.parametrize(
    ("values", "levels"),
    [
        ([120.0, 121.0, 119.0, 100.0], [WARNING, CRITICAL, CRITICAL, OK]),
        ([112.0, 109.0, 112.0], [WARNING, OK, CRITICAL]),
        ([180.0, 112.0, 100.0], [WARNING, WARNING, OK]),
        ([301.0], [CRITICAL]),
        ([110.0], [OK]),
    ],
)
def test_the_earlier_rule(values: list[float], levels: list[int]) -> None:
    rule, seen = EarlierRule(), []
    history = rule.start()
    for value in [100.0] * 20:
        _, history = rule.step(history, value)
    for value in values:
        level, history = rule.step(history, value)
        seen.append(level)
    assert seen == levels
