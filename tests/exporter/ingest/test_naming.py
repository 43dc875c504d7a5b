"""What the benchmarks of a run are called: executables, threads and aliases."""

import json
import sqlite3
from contextlib import closing

import pytest

from benchmark_exporter.ledger import DeletionSelection
from tests.support.documents import Json, result
from tests.support.documents import google_benchmark as google
from tests.support.ledger_files import read_rows
from tests.support.wired import Wired

MAIN = {"branch": "main"}


def jmh(threads: int, score: float) -> Json:
    """An entry as JMH 1.37 writes it, in ns."""
    return {
        "benchmark": "a.B.put",
        "mode": "avgt",
        "threads": threads,
        "primaryMetric": {"score": score, "scoreUnit": "ns/op", "rawData": [[score, score]]},
        "secondaryMetrics": {},
    }


def take_jmh(wired: Wired, number: int, *entries: Json, **sidecar: str) -> None:
    stated = {"timestamp": f"2026-03-01T12:{number:02}:00Z", **sidecar}
    wired.drop(f"jmh-{number}.meta.json", stated)
    wired.take(f"jmh-{number}.json", list(entries))


def names(wired: Wired, metric: str = "benchmark_runs_total") -> set[str]:
    return {dict(labels)["benchmark_name"] for labels in wired.samples()[metric]}


def state(wired: Wired, name: str) -> str:
    (found,) = [
        dict(labels)["state"]
        for labels, value in wired.samples()["benchmark_verdict"].items()
        if dict(labels)["benchmark_name"] == name and value
    ]
    return found


# Two executables


def test_a_second_executable_does_not_disturb_the_first(wired: Wired) -> None:
    for number in range(12):
        wired.take(f"a{number}.json", google(number, "vector_bench", {"BM_Copy": 10.0}))
    for number in (20, 21):
        times = {"BM_Copy": 40.0, "BM_Find": 1.0}
        wired.take(f"b{number}.json", google(number, "string_bench", times))
    assert names(wired) == {"BM_Copy", "string_bench/BM_Copy", "BM_Find"}
    assert state(wired, "BM_Copy") == "ok"
    assert state(wired, "string_bench/BM_Copy") == "insufficient_data"
    assert wired.value("benchmark_runs_total", benchmark_name="BM_Copy") == 12


def test_a_restart_and_the_order_of_later_runs_change_no_name(wired: Wired) -> None:
    wired.take("1.json", google(1, "vector_bench", {"BM_Copy": 10.0}))
    wired.restart()
    wired.take("0.json", google(0, "string_bench", {"BM_Copy": 40.0}))
    wired.restart()
    for number in range(2, 5):
        for executable in ("string_bench", "vector_bench"):
            document = google(number, executable, {"BM_Copy": 10.0 + number})
            wired.take(f"{executable}-{number}.json", document)
    assert wired.value("benchmark_runs_total", benchmark_name="BM_Copy") == 4
    assert wired.value("benchmark_runs_total", benchmark_name="string_bench/BM_Copy") == 4


def test_each_project_has_its_own_executables_also_by_a_sidecar(wired: Wired) -> None:
    for number, (project, executable) in enumerate((("one", "a"), ("two", "b"), ("two", "a"))):
        wired.drop(f"{number}.meta.json", {"project": project, "commit": f"c{number}"})
        wired.take(f"{number}.json", google(number, executable, {"BM_Copy": 10.0}))
    for project, name, runs in (
        ("one", "BM_Copy", 1),
        ("two", "BM_Copy", 1),
        ("two", "a/BM_Copy", 1),
    ):
        labels = {"project": project, "benchmark_name": name}
        assert wired.value("benchmark_runs_total", **labels) == runs
    assert wired.value("benchmark_runs_total", project="one", benchmark_name="a/BM_Copy") is None


def test_an_upload_is_named_as_a_file_is(wired: Wired) -> None:
    wired.take("1.json", google(1, "vector_bench", {"BM_Copy": 10.0}))
    document = google(2, "string_bench", {"BM_Copy": 40.0})
    sidecar = json.dumps({"commit": "c2", "machine": {"os": "Linux"}}).encode()
    wired.uploads.keep(json.dumps(document).encode(), sidecar, int(wired.now * 1e9))
    wired.settle()
    assert names(wired) == {"BM_Copy", "string_bench/BM_Copy"}


def test_failures_of_two_executables_are_two(wired: Wired) -> None:
    """Both say the same at the same second, and have no values that could differ."""
    for executable in ("vector_bench", "string_bench"):
        document = google(1, executable, {"BM_Gpu": 0.0})
        document["benchmarks"][0] |= {"error_occurred": True, "error_message": "no device"}
        wired.take(f"{executable}.json", document)
    for name in ("BM_Gpu", "string_bench/BM_Gpu"):
        assert wired.value("benchmark_failures_total", benchmark_name=name) == 1


def test_a_run_of_another_branch_takes_no_name(wired: Wired) -> None:
    """Else main's benchmark would be called otherwise because of a branch that nobody tracks."""
    wired.take("0.json", result(0, {"x": 1.0}) | {"project": wired.config.project} | MAIN)
    for number, (executable, branch) in enumerate(
        (("new_bench", "feature"), ("vector_bench", "main"), ("new_bench", "feature")), 1
    ):
        wired.drop(f"{number}.meta.json", {"branch": branch})
        wired.take(f"{number}.json", google(number, executable, {"BM_Copy": 10.0 + number}))
    assert names(wired) == {"x", "BM_Copy"}
    rows = read_rows(wired.ledger_path, "SELECT name FROM results WHERE variant = '' ORDER BY run")
    assert rows == [("x",), ("BM_Copy",), ("BM_Copy",), ("new_bench/BM_Copy",)]


@pytest.mark.parametrize("selected", ["benchmark", "run", "project"])
def test_a_name_is_free_again_when_all_that_had_it_is_deleted(wired: Wired, selected: str) -> None:
    for number, executable in enumerate(("typo_bench", "vector_bench")):
        wired.take(f"{number}.json", google(number, executable, {"BM_Copy": 10.0, "BM_Find": 1.0}))
    if selected == "project":
        wired.ledger.delete([wired.config.project], [])
    elif selected == "benchmark":
        wired.delete_runs(DeletionSelection(benchmark="BM_*"))
    else:
        wired.delete_runs(DeletionSelection(run="1"))
    wired.take("2.json", google(2, "vector_bench", {"BM_Copy": 11.0}))
    assert wired.value("benchmark_runs_total", benchmark_name="BM_Copy") == 1


# Threads of JMH


def test_thread_counts_are_different_benchmarks(wired: Wired) -> None:
    for number in range(12):
        take_jmh(wired, number, jmh(1, 10.0))
    for number in (12, 13):
        take_jmh(wired, number, jmh(4, 40.0))
    take_jmh(wired, 14, jmh(1, 10.0), jmh(4, 40.0))
    assert names(wired) == {"a.B.put", "a.B.put -t 4"}
    assert state(wired, "a.B.put/avgt") == "ok"
    assert state(wired, "a.B.put -t 4/avgt") == "insufficient_data"


@pytest.fixture
def of_before(wired: Wired) -> Wired:
    """A ledger whose runs of JMH were recorded before threads were part of names."""
    for number in range(12):
        take_jmh(wired, number, jmh(1, 40.0))
    wired.ledger.close()
    with closing(sqlite3.connect(wired.ledger_path)) as connection, connection:
        connection.execute("INSERT INTO former_names VALUES ('strataregula', 'a.B.put')")
    wired.restart()
    return wired


def test_the_first_run_says_how_many_threads_a_history_is_of(of_before: Wired) -> None:
    wired = of_before
    take_jmh(wired, 20, jmh(4, 40.0))
    assert names(wired) == {"a.B.put -t 4"}
    assert wired.value("benchmark_runs_total", benchmark_name="a.B.put -t 4") == 13
    assert state(wired, "a.B.put -t 4/avgt") == "ok"
    take_jmh(wired, 21, jmh(1, 10.0))  # it has no history
    take_jmh(wired, 22, jmh(8, 80.0))
    assert wired.value("benchmark_runs_total", benchmark_name="a.B.put") == 1
    assert wired.value("benchmark_runs_total", benchmark_name="a.B.put -t 4") == 13


def test_of_several_the_one_with_the_name_keeps_it(of_before: Wired) -> None:
    take_jmh(of_before, 20, jmh(4, 40.0), jmh(1, 40.0))
    take_jmh(of_before, 21, jmh(4, 40.0))
    assert of_before.value("benchmark_runs_total", benchmark_name="a.B.put") == 13
    assert of_before.value("benchmark_runs_total", benchmark_name="a.B.put -t 4") == 2


def test_a_run_of_another_branch_takes_no_history(of_before: Wired) -> None:
    take_jmh(of_before, 20, jmh(4, 40.0), branch="feature")
    take_jmh(of_before, 21, jmh(1, 40.0))
    assert names(of_before) == {"a.B.put"}
    assert of_before.value("benchmark_runs_total", benchmark_name="a.B.put") == 13
