"""hyperfine rewrites its file after each command; whenever that is seen, each counts once."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.documents import Json, changed, golden
from tests.support.retention import DAY_SECONDS, rows
from tests.support.series import CONFLICTS, DUPLICATE, OBSERVATIONS, RUNS
from tests.support.wired import Samples, Wired

COMMANDS = ("build", "check", "deploy")


def part(command: str, times: Sequence[float], **more: object) -> Json:
    """A command as hyperfine 1.x writes it; all its runs took the same CPU time and memory."""
    about = {
        "command": command,
        "mean": sum(times) / len(times),
        "median": times[0],
        "min": min(times),
        "max": max(times),
    }
    return (
        about
        | {
            "times": list(times),
            "user": 0.25,
            "system": 0.0,
            "memory_usage_byte": [4096] * len(times),
        }
        | more
    )


def states(seconds: float = 1.0) -> list[Json]:
    """The contents of hyperfine's file after each of three commands."""
    parts = [
        part(command, [seconds + number, seconds + number + 0.25])
        for number, command in enumerate(COMMANDS)
    ]
    return [{"results": parts[: number + 1]} for number in range(len(parts))]


def totals(wired: Wired) -> Samples:
    """What counts runs and their measurements, not files."""
    return {
        name: series
        for name, series in wired.samples().items()
        if name.startswith(("benchmark_runs", "benchmark_execution"))
    }


def runs(wired: Wired, environment: str = "local") -> list[float | None]:
    return [
        wired.value(RUNS, benchmark_name=command, environment=environment) for command in COMMANDS
    ]


def test_each_command_counts_once_as_if_only_the_last_state_had_been_seen(tmp_path: Path) -> None:
    folders = [tmp_path / "grown", tmp_path / "whole"]
    for folder in folders:
        folder.mkdir()
    grown, whole = map(Wired, folders)
    for state in states():
        grown.take("x.json", state)
    whole.take("x.json", states()[-1])
    assert runs(grown) == [1, 1, 1]
    assert (
        grown.value(OBSERVATIONS, benchmark_name="build", iteration="sample", environment="local")
        == 2
    )
    assert (
        grown.value(
            "benchmark_size_bytes",
            benchmark_name="check/memory",
            environment="local",
            statistic="p50",
            better="lower",
        )
        == 4096
    )
    assert totals(grown) == totals(whole)
    for wired in (grown, whole):
        wired.ledger.close()


@pytest.mark.parametrize("missed", [0, 1], ids=["the first", "the second"])
def test_a_state_that_was_not_seen_loses_nothing(wired: Wired, missed: int) -> None:
    for state in states()[:missed] + states()[missed + 1 :]:
        wired.take("x.json", state)
    assert runs(wired) == [1, 1, 1]


def test_states_are_recognised_after_a_restart_and_under_another_name(wired: Wired) -> None:
    first, second, last = states()
    path = wired.drop("x.json", first)
    wired.settle()
    wired.restart()
    path.rename(wired.results / "y.json")
    wired.take("y.json", second)
    wired.restart()
    wired.take("x.json", last)
    assert runs(wired) == [1, 1, 1]


def test_an_earlier_state_that_is_found_later_is_a_duplicate(wired: Wired) -> None:
    for name, state in zip("abc", reversed(states()), strict=True):
        wired.take(f"{name}.json", state)
    assert runs(wired) == [1, 1, 1]
    assert wired.value(DUPLICATE) == 2


def test_the_last_state_of_a_file_rebuilds_a_lost_ledger(wired: Wired) -> None:
    for state in states():
        wired.take("x.json", state)
    before = totals(wired)
    wired.ledger.close()
    for path in wired.folder.glob("ledger.sqlite3*"):
        path.unlink()
    wired.restart()
    wired.settle()
    assert totals(wired) == before


def test_digests_of_measurements_are_pruned(wired: Wired) -> None:
    for state in states():
        wired.take("x.json", state)
    before = wired.now - 1
    sum(wired.ledger.prune(before - DAY_SECONDS))
    assert rows(wired, "measurements") == 3
    wired.now += DAY_SECONDS
    wired.take("y.json", states(2.0)[0])
    sum(wired.ledger.prune(before + DAY_SECONDS / 2))
    assert rows(wired, "measurements") == 1


def test_the_next_run_counts_even_if_sizes_and_cpu_times_are_the_same(wired: Wired) -> None:
    for seconds in (1.0, 1.5):
        for state in states(seconds):
            wired.take("x.json", state)
    assert runs(wired) == [2, 2, 2]
    assert wired.value(DUPLICATE) == 0


@pytest.mark.parametrize(
    "difference",
    [{"environment": "ci"}, {"project": "other"}, {"commit": "b2c3d4e"}, {"branch": "main"}],
)
def test_the_same_measurements_with_another_provenance_count(
    wired: Wired, difference: Json
) -> None:
    sidecar = {"environment": "local", "commit": "a1b2c3d"}
    for name, about in (("a", sidecar), ("b", sidecar | difference)):
        wired.drop(f"{name}.meta.json", about)
        wired.take(f"{name}.json", states()[-1])
    assert sum(wired.samples()[RUNS].values()) == 6


def test_a_run_id_from_the_sidecar_is_not_a_conflict(wired: Wired) -> None:
    wired.drop("x.meta.json", {"run_id": "ci-17"})
    for state in states():
        wired.take("x.json", state)
    assert (runs(wired), wired.value(CONFLICTS)) == ([1, 1, 1], 0)
    wired.drop("y.meta.json", {"run_id": "ci-17"})
    wired.take("y.json", states(2.0)[-1])
    assert wired.value(CONFLICTS) == 1


def test_a_parameter_scan_has_the_same_names_from_its_first_state_on(wired: Wired) -> None:
    parts = [
        part("build", [1.0 / threads], parameters={"threads": f"{threads}"})
        for threads in (1, 2, 4)
    ]
    for number in range(1, 4):
        wired.take("x.json", {"results": parts[:number]})
    found = {
        dict(labels)["benchmark_name"]: value for labels, value in wired.samples()[RUNS].items()
    }
    assert found == {"build(threads=1)": 1, "build(threads=2)": 1, "build(threads=4)": 1}


def test_measurements_of_hyperfine_2_count_once(wired: Wired) -> None:
    whole = golden("hyperfine_2/1-run")
    wired.take("x.json", changed(whole, "results", whole["results"][:1]))
    wired.take("x.json", whole)
    assert set(wired.samples()[RUNS].values()) == {1}


def test_in_a_format_whose_documents_do_not_grow_the_same_value_counts_again(
    wired: Wired,
) -> None:
    sizes = [{"name": name, "unit": "bytes", "value": 65536} for name in ("client", "server")]
    for number in (1, 2):
        wired.take("sizes.json", sizes[:number])
    assert wired.value(RUNS, benchmark_name="client", environment="local") == 2
