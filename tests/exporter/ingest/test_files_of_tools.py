"""Files that tools write next to each other or again: each benchmark counts once, by its name."""

import json
from typing import Any

from tests.support.documents import golden
from tests.support.paths import REPOSITORY
from tests.support.wired import Wired

RUNS = "benchmark_runs_total"
REJECTED = "benchmark_exporter_files_rejected_total"


def counts(wired: Wired) -> dict[str, float]:
    """How often each benchmark was run."""
    return {
        dict(labels)["benchmark_name"]: n for labels, n in wired.samples().get(RUNS, {}).items()
    }


def rejected(wired: Wired) -> float:
    return sum(wired.samples().get(REJECTED, {}).values())


def drop_in(wired: Wired, name: str, document: Any) -> None:
    path = wired.results / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document), encoding="utf-8")


def test_output_of_go_that_is_followed_counts_once(wired: Wired) -> None:
    lines = [f"Benchmark{name}-2\t10\t{time}.0 ns/op\n" for time, name in enumerate("ABC", 5)]
    text = "goos: linux\ngoarch: amd64\npkg: example.org/x\n"
    for line in lines:
        text += line
        wired.take("x.json", text.encode())
    wired.take("x.json", f"{text}PASS\nok  \texample.org/x\t2.1s\n".encode())
    assert counts(wired) == {f"example.org/x.Benchmark{name}-2": 1 for name in "ABC"}
    assert rejected(wired) == 0


def test_a_folder_of_asv_counts_each_result_once(wired: Wired) -> None:
    folder = REPOSITORY / "tests/exporter/golden/asv"
    results = golden("asv/2-version-1")
    rate = {"code": "", "name": "suite.track_rate", "type": "track", "unit": "ops/s"}
    drop_in(wired, "asv/benchmarks.json", {"suite.track_rate": rate, "version": 2})
    drop_in(wired, "asv/box/machine.json", json.loads((folder / "3-machine.json").read_text()))
    drop_in(wired, "asv/box/b2c3d4e0-conda.json", results)
    wired.settle()
    results["results"]["suite.track_rate"] = 250.0  # asv writes its file again with one more
    drop_in(wired, "asv/box/b2c3d4e0-conda.json", results)
    wired.settle()
    assert set(counts(wired).values()) == {1}
    assert (
        wired.value(
            "benchmark_throughput_per_second",
            benchmark_name="suite.track_rate",
            environment="conda-py2.7",
            statistic="mean",
            better="higher",
        )
        == 250
    )
    assert rejected(wired) == 0


def test_the_folders_of_criterion_count_each_benchmark_once(wired: Wired) -> None:
    for name in ("fib/10", "fib/20"):
        sizes = {"iters": [1.0, 2.0], "times": [float(name[-2:]), 100.0]}
        estimates = golden("criterion/1-estimates")
        estimates["mean"]["point_estimate"] += float(name[-2:])
        for baseline in ("new", "base"):  # the second is a copy of the first
            folder = f"target/criterion/{name}/{baseline}"
            drop_in(wired, f"{folder}/sample.json", sizes)
            drop_in(wired, f"{folder}/tukey.json", [1.0, 2.0, 3.0, 4.0])
            drop_in(wired, f"{folder}/estimates.json", estimates)
            drop_in(wired, f"{folder}/benchmark.json", {"group_id": "fib", "full_id": name})
    wired.settle()
    assert counts(wired) == {"fib/10": 1, "fib/20": 1}
    assert rejected(wired) == 0


def test_estimates_wait_for_the_name_of_their_benchmark(wired: Wired) -> None:
    drop_in(wired, "fib_ a_b/new/estimates.json", golden("criterion/1-estimates"))
    wired.ingest.scan()
    assert counts(wired) == {}
    benchmark = {"group_id": "fib: a/b", "full_id": "fib: a/b"}
    drop_in(wired, "fib_ a_b/new/benchmark.json", benchmark)
    wired.settle()
    assert counts(wired) == {"fib: a/b": 1}


def test_estimates_that_nothing_follows_are_named_by_their_folders(wired: Wired) -> None:
    drop_in(wired, "fib_ a_b/new/estimates.json", golden("criterion/1-estimates"))
    wired.settle()
    assert counts(wired) == {"fib_ a_b": 1}
    assert rejected(wired) == 0
