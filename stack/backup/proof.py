"""What a stack shows before a backup, and whether it shows that again after a restore."""

import time
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from stack.backup import silences as silences_file
from stack.backup.access import Stack
from stack.backup.manifest import Manifest
from stack.backup.reach import ask, ask_json
from stack.settings import ALERTMANAGER, EXPORTER, PROMETHEUS, Settings, StackError

# Of what Prometheus has stored, up to a time at which every scrape is over.
SETTLED_SECONDS = 10.0
QUERIES = {
    "series": 'count({__name__=~".+"})',
    "scrapes of the exporter in 30 days": 'sum(count_over_time(up{job="benchmark-exporter"}[30d]))',
    "speedups in 30 days": "sum(count_over_time(speedup_ratio[30d]))",
}
INGESTED = "benchmark_exporter_files_ingested_total"
QUERY_SECONDS = 20.0
POLL_SECONDS = 0.2
CHECK_SECONDS = 30.0
NEWEST_RUNS = 1000


def prometheus(settings: Settings, at_seconds: float) -> dict[str, float]:
    """What queries answer for a time, by query; those without an answer are 0.

    Raises:
        OSError: Prometheus does not answer.
    """
    return {name: _query(settings, query, at_seconds) for name, query in QUERIES.items()}


def silences(settings: Settings) -> list[Mapping[str, Any]]:
    """All silences that Alertmanager knows.

    Raises:
        OSError: it does not answer.
    """
    found: list[Mapping[str, Any]] = ask_json(ALERTMANAGER, settings, "/api/v2/silences")
    return found


def not_over(found: list[Mapping[str, Any]]) -> dict[str, float]:
    """The silences that are or will be in effect: their end in seconds since 1970, by id."""
    return {
        silence["id"]: silences_file.end_seconds(silence)
        for silence in found
        if silence["status"]["state"] != "expired"
    }


def files_ingested(settings: Settings) -> float:
    """How many files the exporter has ever ingested.

    Raises:
        OSError: it does not answer.
    """
    text = ask(EXPORTER, settings, "/metrics", **{"collect[]": "state"}).decode()
    lines = (line for line in text.splitlines() if line.startswith(INGESTED))
    return sum(float(line.rpartition(" ")[2]) for line in lines)


def check_databases(
    expected: Mapping[str, Mapping[str, Any]], found: Mapping[str, Mapping[str, Any]]
) -> Iterator[str]:
    """Compare what unpacked databases hold with the manifest; yields a line for each.

    Raises:
        StackError: they differ.
    """
    for store, facts in expected.items():
        if store not in found:
            continue
        if found[store] != facts:
            raise StackError(f"{store}: its database has {found[store]}, and should have {facts}")
        rows = ", ".join(
            f"{number:,} {name}" for name, number in facts.items() if isinstance(number, int)
        )
        yield f"{store}: {rows}"


def check(
    settings: Settings, stack: Stack, manifest: Manifest, stores: Collection[str]
) -> Iterator[str]:
    """Ask a running stack for what the manifest says of stores; yields a line for each part.

    Raises:
        StackError: something is missing.
    """
    expected = manifest.proof
    if "exporter" in stores and "exporter" in expected.databases:
        yield from _check_exporter(settings, stack, manifest)
    if "prometheus" in stores and expected.prometheus:
        _wait(lambda: _missing_samples(settings, expected.at_seconds, expected.prometheus))
        found = prometheus(settings, expected.at_seconds)
        yield "prometheus: " + ", ".join(f"{found[name]:,.0f} {name}" for name in found)
    if "alertmanager" in stores and expected.silences:
        now = time.time()
        wanted = {name for name, ends in expected.silences.items() if ends > now + 1}
        _wait(lambda: _missing_silences(settings, wanted))
        yield f"alertmanager: {len(wanted)} silences"


def _check_exporter(settings: Settings, stack: Stack, manifest: Manifest) -> Iterator[str]:
    expected = manifest.proof
    _wait(lambda: _too_few_files(settings, expected.files_ingested))
    newest = expected.databases["exporter"].get("newest_run")
    if newest is None:
        yield "exporter: no runs"
        return
    seconds = int(expected.databases["exporter"]["newest_run_seconds"])
    since = datetime.fromtimestamp(seconds, UTC).isoformat()
    words = ("--format=json", f"--since={since}", f"--limit={NEWEST_RUNS}")
    if f'"run_id": "{newest}"' not in stack.exporter_command("history", *words):
        raise StackError(f"the exporter does not list the newest run of the backup, {newest}")
    yield f"exporter: newest run {newest}"


def _too_few_files(settings: Settings, expected: float) -> str:
    found = files_ingested(settings)
    return "" if found >= expected else f"exporter: {INGESTED} is {found:g}, not {expected:g}"


def _missing_samples(settings: Settings, at_seconds: float, expected: Mapping[str, float]) -> str:
    found = prometheus(settings, at_seconds)
    return "; ".join(
        f"prometheus: {found.get(name, 0.0):,.0f} {name}, not {number:,.0f}"
        for name, number in expected.items()
        if found.get(name, 0.0) < number
    )


def _missing_silences(settings: Settings, wanted: set[str]) -> str:
    missing = wanted - not_over(silences(settings)).keys()
    return f"alertmanager: these silences are missing: {', '.join(missing)}" if missing else ""


def _wait(missing: Any) -> None:
    """Wait until nothing is missing any more."""
    deadline = time.monotonic() + CHECK_SECONDS
    while True:
        try:
            reason = missing()
        except OSError as error:
            reason = str(error)
        if not reason:
            return
        if time.monotonic() > deadline:
            raise StackError(reason)
        time.sleep(POLL_SECONDS)


def _query(settings: Settings, query: str, at_seconds: float) -> float:
    answer = ask_json(PROMETHEUS, settings, "/api/v1/query", query=query, time=f"{at_seconds:.3f}")
    result = answer["data"]["result"]
    return float(result[0]["value"][1]) if result else 0.0
