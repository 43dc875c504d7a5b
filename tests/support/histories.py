"""Histories of one benchmark and of a suite, and the verdicts in the exposition."""

from collections.abc import Iterable, Mapping

from benchmark_exporter.regression import Limits
from tests.support.documents import result
from tests.support.wired import Samples, Wired

# So many runs have no verdict: the reference needs least_runs, and three newer ones are judged.
LEAST = Limits().least_runs + 2

# Like real series, these vary from run to run; every window's noise is far below the tolerance.
STEADY = [(1.0, 1.01, 0.99, 1.02, 0.98)[number % 5] for number in range(LEAST + 4)]


def take(wired: Wired, milliseconds: Iterable[float], *, start: int = 0, **how: object) -> None:
    """Ingests runs of one benchmark, a minute apart."""
    for number, value in enumerate(milliseconds, start):
        wired.take(
            f"{number}-{how.get('cpus', '')}.json",
            result(number, {"parsing": value}, **how),  # type: ignore[arg-type]  # result's own
        )


def verdicts(samples: Samples, environment: str = "ci", **origin: str) -> Mapping[str, str]:
    """The state of each benchmark in an environment, and of a project, branch or machine class.

    Exactly one state is 1; those that are bad are always exposed.
    """
    found: dict[str, str] = {}
    shown: dict[str, set[str]] = {}
    for labels, value in samples["benchmark_verdict"].items():
        named = dict(labels)
        if origin.items() <= named.items() and named["environment"] == environment:
            shown.setdefault(named["benchmark_name"], set()).add(named["state"])
            if value == 1:
                assert named["benchmark_name"] not in found
                found[named["benchmark_name"]] = named["state"]
    bad = {"warning", "critical", "suspect"}
    assert all(bad | {found[name]} == states for name, states in shown.items())
    return found


def verdict(wired: Wired) -> str:
    return verdicts(wired.samples())["parsing"]


def value(wired: Wired, name: str, **labels: str) -> float | None:
    return wired.value(name, benchmark_name="parsing", environment="ci", **labels)


SUITE = ("a", "b", "c", "d", "e", "f")


def take_suite(
    wired: Wired, number: int, factor: float, *, slower: Iterable[str] = SUITE, others: float = 1.0
) -> None:
    steady = STEADY[number % len(STEADY)]
    times = {name: steady * (factor if name in slower else others) for name in SUITE}
    wired.take(f"suite-{number}.json", result(number, times))


def confirmed(wired: Wired) -> float:
    """The number of confirmed regressions of all benchmarks."""
    return sum(wired.samples()["benchmark_regressions_confirmed_total"].values())


def judged(wired: Wired) -> Samples:
    """Every series that follows from a verdict, but for the time of its report, by the clock."""
    names = (
        "benchmark_verdict",
        "benchmark_regression",
        "benchmark_judged",
        "benchmark_reference",
        "benchmark_worsening",
        "performance_",
    )
    return {
        name: series
        for name, series in wired.samples().items()
        if name.startswith(names) and name != "benchmark_regression_triage_timestamp_seconds"
    }
