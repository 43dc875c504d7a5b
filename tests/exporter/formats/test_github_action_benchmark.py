"""github-action-benchmark: values as numbers or strings, and where the direction comes from."""

from benchmark_exporter.formats import Origin, Sidecar
from benchmark_exporter.model import Result, Statistics
from tests.support.parsing import accepted_run, results_of


def test_a_value_may_be_a_string_and_an_entry_may_lack_a_unit() -> None:
    run = accepted_run(
        [
            {"name": "Load", "unit": "Percent", "value": "50"},
            {"name": "Size", "unit": "Megabytes", "value": 2},
            {"name": "x", "value": 1},
        ]
    )
    assert [(result.statistics.mean, result.unit) for result in run.results] == [
        (0.5, "ratio"),
        (2e6, "bytes"),
        (1.0, ""),
    ]


def test_a_value_that_is_not_a_number_costs_its_entry() -> None:
    run = accepted_run(
        [{"name": "Load", "unit": "s", "value": 1}, {"name": "Time", "unit": "s", "value": "1 s"}]
    )
    assert [result.name for result in run.results] == ["Load"]
    assert run.notes == ("Time has no value that is a number",)


def test_the_direction_comes_from_the_unit_or_else_from_the_sidecar() -> None:
    results = results_of("github_action_benchmark/1-smaller")
    assert results["Parse"] == Result("Parse", "", Statistics(mean=0.0025))
    assert results["Binary"] == Result("Binary", "", Statistics(mean=65536.0), unit="bytes")
    assert results["Warnings"] == Result(
        "Warnings", "", Statistics(mean=3.0), unit="warnings", better=None
    )
    bigger = results_of(
        "github_action_benchmark/2-bigger", Origin(sidecar=Sidecar(better="higher"))
    )
    assert bigger["Serve"] == Result(
        "Serve", "", Statistics(mean=4000.0), unit="per_second", better="higher"
    )
    assert (bigger["Battery"].statistics.mean, bigger["Battery"].is_execution_time) == (
        36000.0,
        False,
    )
    assert (bigger["Hits"].statistics.mean, bigger["Hits"].better) == (0.75, "higher")


def test_a_document_with_a_rate_is_one_in_which_bigger_is_better() -> None:
    def better(*entries: tuple[str, str]) -> list[str | None]:
        document = [{"name": name, "unit": unit, "value": 70} for name, unit in entries]
        return [result.better for result in accepted_run(document).results]

    # The action's own examples.
    assert better(("Throughput", "req/s"), ("Free Memory", "Megabytes")) == ["higher", "higher"]
    assert better(("CPU Load", "Percent"), ("Memory Used", "Megabytes")) == [None, "lower"]
    assert better(("Free Memory", "Megabytes")) == ["higher"]
    assert better(("Rate", "ops/s"), ("Hits", "%")) == ["higher", "higher"]
    # A document of another producer, whose units say more than one direction.
    assert better(("Rate", "ops/s"), ("Time", "ms"), ("Hits", "%")) == ["higher", "lower", None]


def test_entries_of_one_name_are_numbered_and_the_note_says_so() -> None:
    entries = [{"name": "Size", "unit": unit, "value": 1} for unit in ("MB", "files", "MB")]
    run = accepted_run(entries)
    assert [result.name for result in run.results] == ["Size", "Size #2", "Size #3"]
    assert "numbered" in run.notes[0]
