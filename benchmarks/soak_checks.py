"""What has to be true after benchmarks.soak: nothing lost or doubled, no counter went back."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmark_exporter.stream.hub import RING_MESSAGES
from benchmarks.growth import Allowance, Growth, Needs, measure
from benchmarks.soak_disturbance import Kill
from benchmarks.soak_incidents import Incident, Incidents
from benchmarks.soak_load import Account
from benchmarks.soak_samples import (
    FILES,
    LEDGER_BYTES,
    MEASURES,
    MESSAGES,
    SERIES,
    Samples,
)
from stack.settings import ALERTMANAGER, EXPORTER, NODE_EXPORTER, PROMETHEUS
from tests.stack.backends import Local, get_text, query
from tests.support.wired import Labels, samples

# Counters of the process, not of the ledger: they start at 0 with it, as Prometheus' rate() and
# increase() expect. Each with the reason why it is not stored.
OF_THE_PROCESS: Mapping[str, str] = {
    "process_cpu_seconds_total": "CPU time of this process, by definition",
    "benchmark_stream_messages_total": "the stream's sequence numbers begin with the process, too",
    "benchmark_stream_dropped_total": "belongs to the stream's clients, whom a kill disconnects",
    "benchmark_stream_lag_seconds": "delays of the stream's messages",
    "benchmark_exporter_uploads_total": "counts answers to requests",
    "benchmark_live_lines_rejected_total": "live files are not stored either",
}
# Kinds of files that the exporter counts, each with the label it counts them by.
COUNTED = {"ingested": "format", "rejected": "reason", "duplicate": "", "removed": ""}
_COUNTERS = ".+(_total|_count|_bucket|_sum)"
# The parts are scraped every 30 s at least.
SCRAPED_SECONDS = 90.0
_SHOWN_BEFORE_SECONDS = 30.0
_SURELY_SEEN_SECONDS = 300.0
_SUFFIXES = ("_bucket", "_count", "_sum")
_MEGABYTE = 10**6
# What its data explains, measured as benchmarks/README.md says. A known file takes at most 51 bytes
# (ingest/known_files.py), and of the allocator's pages as much again. SQLite's page cache has
# every page of the ledger until it is full (cache_size in ledger/connection.py), each with what
# SQLite and the allocator add. The stream keeps its newest messages. `total` is a batch that is
# being judged while the memory is read, and arrays that grow by doubling.
_EXPORTER_RSS = Allowance(
    total=3 * _MEGABYTE,
    needs={
        FILES: Needs(100),
        LEDGER_BYTES: Needs(1.25, 8_192_000),
        MESSAGES: Needs(800, RING_MESSAGES),
        SERIES: Needs(1500),
    },
)
# Six clients of the stream, scrapes and commands of a reload come and go.
_CONNECTIONS = Allowance(total=8)
_THREADS = Allowance(total=3)
# Go returns memory lazily, up to twice the live heap (GOGC=100).
_GO_RSS = Allowance(total=12 * _MEGABYTE)
_GO = {"descriptors": Allowance(12), "threads": Allowance(6)}
# Prometheus' RSS is not judged: its head grows with each sample until a block is written, which
# takes two to three hours.
ALLOWANCES: Mapping[str, Mapping[str, Allowance]] = {
    EXPORTER.name: {
        "rss_bytes": _EXPORTER_RSS,
        "descriptors": _CONNECTIONS,
        "threads": _THREADS,
    },
    ALERTMANAGER.name: {"rss_bytes": _GO_RSS, **_GO},
    NODE_EXPORTER.name: {"rss_bytes": _GO_RSS, **_GO},
    PROMETHEUS.name: _GO,
}


@dataclass(frozen=True, slots=True)
class Check:
    """A fact that was checked: what was found, and what is wrong with it."""

    what: str
    found: str
    faults: Sequence[str] = ()


def growth(found: Samples, after_seconds: float) -> dict[tuple[str, str], Growth | None]:
    """Return how each measure of each part's last process grew after a time."""
    return {
        (part, name): measure(found.points(part, name, after_seconds), allowances[name])
        for part, allowances in ALLOWANCES.items()
        for name in MEASURES
        if name in allowances
    }


def counted(backend: Local) -> dict[str, Counter[str]]:
    """Return what the exporter counts; see `counts`."""
    return counts(samples(get_text(EXPORTER.url(backend.settings, "/metrics"))))


def counts(shown: Mapping[str, Mapping[Labels, float]]) -> dict[str, Counter[str]]:
    """Return what a scrape counts: files by format and by reason, duplicates, files that went."""
    return {
        name: Counter(
            {
                dict(labels).get(label, ""): int(value)
                for labels, value in shown.get(f"benchmark_exporter_files_{name}_total", {}).items()
            }
        )
        for name, label in COUNTED.items()
    }


def wanted(account: Account) -> dict[str, Counter[str]]:
    """Return what it should count."""
    return {
        "ingested": account.ingested,
        "rejected": +account.rejected,
        "duplicate": Counter({"": account.duplicates}),
        "removed": Counter(),
    }


def check_counts(backend: Local, account: Account) -> list[Check]:
    """Compare the counters with what was written, and each run of the ledger with its file."""
    shown, due = counted(backend), wanted(account)
    runs = Counter(run["run_id"] for run in backend.history("--limit=10000000"))
    return [
        *(
            Check(
                f"files {name}",
                f"{sum(shown[name].values()):,}",
                count_faults(shown[name], due[name]),
            )
            for name in due
        ),
        Check(
            "runs in the ledger, each written once",
            f"{len(account.runs):,}",
            run_faults(runs, account.runs),
        ),
    ]


def count_faults(shown: Counter[str], due: Counter[str]) -> list[str]:
    """Return each count that is not what it should be."""
    return [
        f"{key or 'all'}: {shown[key]} instead of {due[key]}"
        for key in sorted(shown.keys() | due.keys())
        if shown[key] != due[key]
    ]


def run_faults(runs: Counter[str], written: Counter[str]) -> list[str]:
    """Return what is wrong with the ledger's runs; others than those written are not judged."""
    found = {
        "lost": sorted(written.keys() - runs.keys()),
        "doubled": sorted(run for run in written if runs[run] > 1),
    }
    return [f"{len(some)} {how}, {some[0]} for one" for how, some in found.items() if some]


def wait_until_scraped(backend: Local, after_seconds: float) -> None:
    """Wait until Prometheus has scraped each part of the exporter after a time."""
    expression = 'min(timestamp(up{job=~"benchmark-exporter.*"}))'
    deadline = time.monotonic() + SCRAPED_SECONDS
    while time.monotonic() < deadline:
        series = query(backend.settings, expression)
        if series and float(series[0]["value"][1]) > after_seconds:
            return
        time.sleep(0.5)


def check_resets(backend: Local, seconds: float, exporter_kills: int) -> list[Check]:
    """Ask Prometheus whether a counter of the exporter went back in the last seconds.

    It has to have seen the process change if that was killed. In a short time it need not: the part
    that says when the process started is scraped every 30 s.
    """
    window, jobs = f"[{int(seconds)}s]", 'job=~"benchmark-exporter.*"'
    names = query(
        backend.settings,
        f'count by (__name__) (last_over_time({{__name__=~"{_COUNTERS}",{jobs}}}{window}))',
    )
    series, faults = 0, []
    for each in names:
        name = each["metric"]["__name__"]
        # One name at a time: resets() drops the name, and labels alone may be the same.
        back = query(backend.settings, f'resets({{__name__="{name}",{jobs}}}{window}) > 0')
        if _family(name) in OF_THE_PROCESS:
            continue
        series += int(each["value"][1])
        if back:
            faults.append(f"{name}: {len(back)} series, {back[0]['metric']} for one")
    if not series:
        faults.append("Prometheus has no counter of the exporter")
    starts = query(backend.settings, f"changes(process_start_time_seconds{{{jobs}}}{window}) > 0")
    if exporter_kills and seconds > _SURELY_SEEN_SECONDS and not starts:
        faults.append(f"Prometheus saw none of {exporter_kills} kills")
    return [Check("counters that never went back, as Prometheus saw them", f"{series:,}", faults)]


def _family(name: str) -> str:
    for suffix in _SUFFIXES:
        if name.endswith(suffix):
            return name.removesuffix(suffix)
    return name


def check_alerts(incidents: Incidents, kills: Sequence[Kill]) -> list[Check]:
    """Check that each regression was paged and resolved, and no more often than kills explain.

    An Alertmanager that is killed forgets what it has sent since its last snapshot, so it sends
    again what still fires.
    """
    faults = []
    for incident in incidents.all:
        for action, seen in (("trigger", incident.paged), ("resolve", incident.resolved)):
            times = incidents.count(incident, action)
            if seen is None or not times:
                faults.append(f"{incident.benchmark}: no {action}; {_course(incident, kills)}")
            elif times > 1 + _explained(incident, kills):
                faults.append(
                    f"{incident.benchmark}: {times} times {action}; {_course(incident, kills)}"
                )
    return [Check("regressions paged once and resolved once", f"{len(incidents.all)}", faults)]


def _explained(incident: Incident, kills: Sequence[Kill]) -> int:
    end = incident.resolved or float("inf")
    return sum(
        kill.part is ALERTMANAGER and incident.begun <= kill.at_seconds <= end for kill in kills
    )


def _course(incident: Incident, kills: Sequence[Kill]) -> str:
    """Return what happened when, in seconds since the regression began."""
    events = [
        (incident.paged, "paged"),
        (incident.recovered, "recovered"),
        (incident.resolved, "resolved"),
        *((kill.at_seconds, f"kill of {kill.part.name}") for kill in kills),
    ]
    seen = sorted((at - incident.begun, what) for at, what in events if at is not None)
    return ", ".join(f"{what} at {at:.0f} s" for at, what in seen if at > -_SHOWN_BEFORE_SECONDS)
