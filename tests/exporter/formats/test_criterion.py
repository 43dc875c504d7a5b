"""criterion: estimates with the files next to them, and cargo-criterion's messages."""

import json
from pathlib import Path

import pytest

from benchmark_exporter.formats import Origin
from benchmark_exporter.ingest.inbox import Inbox
from benchmark_exporter.ingest.result_files import read_document
from benchmark_exporter.model import Baseline, Run
from tests.support.documents import golden
from tests.support.parsing import accepted, accepted_run, encoded, rejected
from tests.support.paths import REPOSITORY

ESTIMATES = golden("criterion/1-estimates")
BENCHMARK = golden("criterion/3-benchmark-file")
MESSAGES = REPOSITORY / "tests/exporter/golden/criterion/2-cargo-criterion.json"
SAMPLE = {"sampling_mode": "Linear", "iters": [2.0, 4.0], "times": [3000.0, 8000.0]}
TUKEY = [1.0, 2.0, 3.0, 4.0]


def folder(root: Path, files: dict[str, object]) -> Inbox:
    for name, document in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(document))
    return Inbox(root, 1_000_000)


def runs(inbox: Inbox) -> list[Run]:
    documents = [read_document(inbox, each, Origin().zone)[0] for each in inbox.scan()]
    return [document for document in documents if isinstance(document, Run)]


def test_a_benchmark_is_named_by_its_file(tmp_path: Path) -> None:
    inbox = folder(
        tmp_path,
        {
            "2026-03/fib_recursive/new/estimates.json": ESTIMATES,
            "2026-03/fib_recursive/new/benchmark.json": BENCHMARK,
        },
    )
    (run,) = runs(inbox)
    assert run.results[0].name == "fib/recursive/20"


@pytest.mark.parametrize("root", ["", "target/criterion/", "criterion/"])
@pytest.mark.parametrize("baseline", ["new", "base", "main"])
def test_folders_name_a_benchmark_that_no_file_names(
    tmp_path: Path, root: str, baseline: str
) -> None:
    inbox = folder(tmp_path, {f"{root}fib/recursive/20/{baseline}/estimates.json": ESTIMATES})
    (run,) = runs(inbox)
    assert run.results[0].name == "fib/recursive/20"


def test_samples_next_to_the_estimates_are_read(tmp_path: Path) -> None:
    inbox = folder(
        tmp_path,
        {
            "fib/new/estimates.json": ESTIMATES,
            "fib/new/benchmark.json": BENCHMARK,
            "fib/new/sample.json": SAMPLE,
            "fib/new/tukey.json": TUKEY,
            "fib/change/estimates.json": {key: ESTIMATES[key] for key in ("mean", "median")},
        },
    )
    (run,) = runs(inbox)
    assert run.results[0].samples == pytest.approx((1.5e-6, 2e-6))


def test_a_folder_without_the_file_that_names_it_is_read(tmp_path: Path) -> None:
    inbox = folder(
        tmp_path, {"fib_20/new/estimates.json": ESTIMATES, "fib_20/new/sample.json": SAMPLE}
    )
    (run,) = runs(inbox)
    assert run.results[0].name == "fib_20"


def test_a_message_may_have_its_typical_time_only() -> None:
    typical = {"estimate": 1.5, "unit": "us"}
    message = {"reason": "benchmark-complete", "id": "x", "typical": typical}
    (result,) = accepted_run([{"reason": "warmup"}, message]).results
    assert result.statistics.mean == pytest.approx(1.5e-6)


def test_estimates_without_any_name_say_what_gives_one() -> None:
    assert "--message-format=json" in rejected(encoded(ESTIMATES)).detail


def test_estimates_are_statistics_in_nanoseconds(tmp_path: Path) -> None:
    old = {key.title().replace("_", ""): value for key, value in ESTIMATES.items()}
    for estimates in (ESTIMATES, old):
        (run,) = runs(folder(tmp_path, {"fib/new/estimates.json": estimates}))
        statistics = run.results[0].statistics
        assert (statistics.p50, statistics.mean, statistics.stddev) == pytest.approx(
            (18145e-6, 18195.328e-6, 140.8775e-6)
        )


def test_messages_have_samples() -> None:
    lines = [json.loads(line) for line in MESSAGES.read_text("utf-8").splitlines()]
    (result,) = accepted_run(lines).results
    assert result.name == "fib/20"
    assert result.samples == pytest.approx((25e-6, 26e-6, 27e-6))
    assert accepted_run(lines[0]).results == (result,)
    lines[0]["measured_values"] = []
    (result,) = accepted_run(lines).results
    assert (result.statistics.p50, result.statistics.mean) == pytest.approx((26e-6, 26e-6))


@pytest.mark.parametrize("document", [BENCHMARK, SAMPLE, TUKEY])
def test_other_files_of_its_folders_are_not_runs(document: object) -> None:
    assert isinstance(accepted(document), Baseline)


def test_samples_of_old_versions_are_two_arrays(tmp_path: Path) -> None:
    sample = [SAMPLE["iters"], SAMPLE["times"]]
    inbox = folder(tmp_path, {"fib/new/estimates.json": ESTIMATES, "fib/new/sample.json": sample})
    (run,) = runs(inbox)
    assert run.results[0].samples == pytest.approx((1.5e-6, 2e-6))
    assert isinstance(accepted(sample), Baseline)
