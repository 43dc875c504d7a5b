"""Reports of load generators: units, directions, and that a run with errors is never fast."""

import pytest

from benchmark_exporter.formats import Origin, Sidecar, parse
from benchmark_exporter.model import Failure, Run
from tests.support.documents import golden
from tests.support.parsing import accepted_run, encoded, rejected, run_of_file
from tests.support.paths import REPOSITORY

URL = "http://localhost:8080/items"


@pytest.mark.parametrize(
    ("document", "name", "p50", "p99", "count"),
    [
        ("autocannon/1-run", URL, 2e-3, 10e-3, 5000),
        ("oha/1-run", "oha", 2e-3, 10e-3, 5000),
        ("vegeta/1-report", "vegeta", 2.854306e-3, 3.53e-3, 100),
        ("wrk/1-run", URL, 44e-6, 11.85e-3, 25794),
        ("wrk/2-wrk2", URL, 6.67e-3, 11.18e-3, 60018),
    ],
)
def test_latency_is_the_benchmark_itself(
    document: str, name: str, p50: float, p99: float, count: int
) -> None:
    result = run_of_file(document).results[0]
    assert (result.name, result.unit, result.better) == (name, "seconds", "lower")
    assert (result.statistics.p50, result.statistics.p99) == pytest.approx((p50, p99))
    assert result.sample_count == count


@pytest.mark.parametrize(
    ("document", "rates"),
    [
        ("autocannon/1-run", {"requests": 2500, "throughput": 1e6}),
        ("oha/1-run", {"requests": 2500, "throughput": 25000}),
        ("vegeta/1-report", {"throughput": 100.77}),
        ("wrk/1-run", {"requests": 12833.67, "throughput": 1.55 * 2**20}),
        ("wrk/2-wrk2", {"requests": 2000.28, "throughput": 676.18 * 2**10}),
    ],
)
def test_rates_are_better_when_higher(document: str, rates: dict[str, float]) -> None:
    _, *others = run_of_file(document).results
    assert {each.variant: each.statistics.mean for each in others} == pytest.approx(rates)
    assert {(each.unit, each.better) for each in others} == {("per_second", "higher")}


@pytest.mark.parametrize(
    ("document", "name", "error"),
    [
        ("autocannon/2-errors", "items", "2 errors, 2 timeouts, 4 responses other than 2xx"),
        (
            "oha/2-errors",
            "oha",
            "10 of status 503, 2 of 'connection closed before message completed'",
        ),
        ("vegeta/2-errors", "vegeta", "3 without a response, 7 of status 500"),
        (
            "wrk/3-errors",
            URL,
            "5 read errors, 1 timeouts, 15120 responses of other status than 2xx or 3xx",
        ),
    ],
)
def test_a_run_with_errors_has_failed_and_has_no_results(
    document: str, name: str, error: str
) -> None:
    run = run_of_file(document)
    assert run.failures == (Failure(name, f"requests failed: {error}"),)
    assert run.results == ()


@pytest.mark.parametrize("document", ["oha/1-run", "vegeta/1-report", "wrk/1-run"])
def test_a_sidecar_names_the_target(document: str) -> None:
    data = (REPOSITORY / f"tests/exporter/golden/{document}.json").read_bytes()
    run = parse(data, Origin(sidecar=Sidecar(benchmark="items")))
    assert isinstance(run, Run)
    assert {each.benchmark for each in run.results} == {"items"}


@pytest.mark.parametrize(
    ("document", "seconds", "duration"),
    [
        ("autocannon/1-run", 1772366400.0, 2.01),
        ("vegeta/1-report", 1772366400.5, 0.989825),
        ("oha/1-run", 0.0, 2.0),
        ("wrk/1-run", 0.0, 2.01),
    ],
)
def test_time_and_duration(document: str, seconds: float, duration: float) -> None:
    run = run_of_file(document)
    assert run.timestamp_seconds == pytest.approx(seconds)
    assert run.suite_duration_seconds == pytest.approx(duration)


def test_percentiles_below_autocannons_resolution_are_not_zero() -> None:
    document = golden("autocannon/1-run")
    document["latency"] |= {"mean": 0.04, "p50": 0, "p99": 3}
    statistics = accepted_run(document).results[0].statistics
    assert (statistics.p50, statistics.p99) == (None, 3e-3)
    assert statistics.mean == pytest.approx(4e-5)


def test_success_below_1_is_a_failure_whatever_the_codes() -> None:
    document = golden("vegeta/1-report") | {"success": 0.75}
    assert accepted_run(document).failures == (
        Failure("vegeta", "requests failed: 25 of unknown status"),
    )


def test_a_report_of_wrk_without_its_end_is_incomplete() -> None:
    data = (REPOSITORY / "tests/exporter/golden/wrk/1-run.json").read_bytes()
    assert rejected(data[: data.index(b"Requests/sec")]).reason == "truncated"


def test_reports_of_several_runs_of_wrk_are_numbered_by_url() -> None:
    first, second, failed = (
        (REPOSITORY / f"tests/exporter/golden/wrk/{name}.json").read_bytes()
        for name in ("1-run", "2-wrk2", "3-errors")
    )
    other = first.replace(b"/items", b"/orders")
    run = parse(b"deploy=1\n500 connections:\n".join((first, second, other, failed)))
    assert isinstance(run, Run)
    names = {each.benchmark: each.statistics.p50 for each in run.results if not each.variant}
    orders = URL.replace("items", "orders")
    assert names == pytest.approx({URL: 44e-6, f"{URL} #2": 6.67e-3, orders: 44e-6})
    assert [each.benchmark for each in run.failures] == [f"{URL} #3"]
    assert run.suite_duration_seconds == pytest.approx(2.01 + 30 + 2.01 + 1.1)
    assert rejected(first + second[:-30]).reason == "truncated"


WRK2 = "wrk/4-wrk2-seconds"


def test_percentiles_in_seconds_end_with_a_blank() -> None:
    statistics = run_of_file(WRK2).results[0].statistics
    assert (statistics.p50, statistics.p99) == pytest.approx((2.97e-3, 1.16))


def test_the_detailed_spectrum_of_wrk2_has_the_95th_percentile() -> None:
    assert run_of_file(WRK2).results[0].statistics.p95 == pytest.approx(462.591e-3)


def test_the_third_column_of_wrk2_may_be_the_99th_percentile() -> None:
    text = (REPOSITORY / f"tests/exporter/golden/{WRK2}.json").read_text("utf-8")
    assert "     99%   +/- Stdev" in text
    statistics = run_of_file(WRK2).results[0].statistics
    assert statistics.max == pytest.approx(1.31)
    run = parse(text.replace(" 99.000%    1.16s \n", "").encode())
    assert isinstance(run, Run)
    assert run.results[0].statistics.p99 == pytest.approx(1.2)


def test_a_report_of_wrk_is_incomplete_until_its_last_line_is_whole() -> None:
    """A number of which digits are missing would be another one."""
    data = (REPOSITORY / "tests/exporter/golden/wrk/1-run.json").read_bytes()
    for end in range(data.index(b"Requests/sec"), data.index(b"MB\n", 330)):
        assert rejected(data[:end]).reason == "truncated", data[:end][-20:]


NOTHING_ANSWERED = """Running 1s test @ http://localhost:8080/items
  1 threads and 2 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     0.00us    0.00us   0.00us    -nan%
    Req/Sec     0.00      0.00     0.00      -nan%
  Latency Distribution
     50%    0.00us
     99%    0.00us
  0 requests in 1.02s, 0.00B read
Requests/sec:      0.00
Transfer/sec:       0.00B
"""


def test_a_server_that_answers_nothing_is_not_fast() -> None:
    nothing = (Failure(URL, "no request was answered"),)
    run = parse(NOTHING_ANSWERED.encode(), Origin())
    assert isinstance(run, Run)
    assert (run.results, run.failures) == ((), nothing)
    hanging = golden("autocannon/1-run")
    hanging["latency"] = dict.fromkeys(hanging["latency"], 0)
    assert accepted_run(hanging).failures == nothing
    assert accepted_run(hanging).results == ()


def test_requests_that_a_deadline_ended_are_not_answers() -> None:
    document = golden("oha/1-run")
    document["summary"] |= {"slowest": None, "fastest": None, "average": None, "successRate": None}
    document["latencyPercentiles"] = dict.fromkeys(document["latencyPercentiles"])
    document |= {
        "statusCodeDistribution": {},
        "errorDistribution": {"aborted due to deadline": 2},
    }
    run = accepted_run(document)
    assert run.failures == (Failure("oha", "no request was answered"),)
    assert run.results == ()


def test_a_report_of_vegeta_without_requests_has_failed() -> None:
    document = golden("vegeta/1-report")
    document["latencies"] = dict.fromkeys(document["latencies"], 0)
    document |= {"requests": 0, "success": 0, "throughput": 0, "status_codes": {}}
    document["earliest"] = "0001-01-01T00:00:00Z"
    assert accepted_run(document).failures == (Failure("vegeta", "no request was answered"),)


def test_vegeta_before_its_throughput_is_read() -> None:
    document = golden("vegeta/1-report")
    del document["throughput"], document["latencies"]["min"]
    (result,) = accepted_run(document).results
    assert result.statistics.p99 == pytest.approx(3.53e-3)
    assert result.statistics.min is None


def test_wrk2s_uncorrected_latencies_are_not_read() -> None:
    data = (REPOSITORY / "tests/exporter/golden/wrk/2-wrk2.json").read_text("utf-8")
    head, end = data.split("----------------------------------------------------------", 1)
    rule = "-" * 58
    uncorrected = """
  Latency Distribution (HdrHistogram - Uncorrected Latency (measured without taking delayed starts into account))
 50.000%    1.00us
 99.000%    2.00us
100.000%    3.00us
"""  # noqa: E501
    expected = run_of_file("wrk/2-wrk2")
    found = parse(f"{head}{rule}\n{uncorrected}{rule}{end}".encode(), Origin())
    assert isinstance(found, Run)
    assert found.results == expected.results


def test_reports_of_an_attack_under_way_are_one_run() -> None:
    last = golden("vegeta/1-report")
    first = last | {"requests": 40, "latencies": last["latencies"] | {"99th": 1}}
    both = encoded(first) + b"\n" + encoded(last)
    run = parse(both, Origin())
    assert isinstance(run, Run)
    assert run.results == run_of_file("vegeta/1-report").results
    other = first | {"earliest": "2026-03-02T12:00:00Z"}
    assert "2 attacks" in rejected(encoded(other) + b"\n" + encoded(last)).detail
