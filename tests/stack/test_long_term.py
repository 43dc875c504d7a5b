"""A stack with a long-term store: who may ask it, what it answers, and when it is away.

On processes: Prometheus, VictoriaMetrics and vmauth as `make up` starts them.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from benchmark_exporter.commands.remote_write import Point, RemoteWriter
from benchmark_exporter.metrics.sparse import SLOW_PERIOD_SECONDS
from stack import credential, internal
from stack.demo_history import documents
from stack.settings import PROMETHEUS, VICTORIAMETRICS, VMAUTH, Part
from tests.stack.backends import Local, is_back, run_local, until
from tests.stack.checkouts import write_env
from tests.stack.doors import ask, doors, published
from tests.stack.long_term_outages import supervisorctl
from tests.stack.long_term_queries import (
    differences,
    history_queries,
    samples,
    seconds_until_equal,
)

DEADLINE_SECONDS = 60.0
# How long the store is away here; `make drill-long-term` has it away for 10 minutes.
AWAY_SECONDS = 4.0
# The store does not answer of anything newer.
LATENCY_SECONDS = 30.0
# Scraped each second, each scrape stored.
EACH_SECOND = 'up{job="benchmark-exporter"}'
# Asked about the demo's history, of which every eighth document is enough.
EVERY = 8
# Where VictoriaMetrics counts otherwise: a change from the last sample before a window to the first
# one in it is a change in the window, which Prometheus cannot see.
COUNTED_OTHERWISE = {"Runs per day"}


@pytest.fixture(scope="module")
def stack(
    tmp_path_factory: pytest.TempPathFactory,
    free_port: Callable[[], int],
    programs: Mapping[str, list[str]],
) -> Iterator[Local]:
    assert programs
    folder = tmp_path_factory.mktemp("long-term") / "checkout"
    yield from run_local(folder, free_port, {"LONG_TERM_STORE": "yes"})


@pytest.fixture(scope="module")
def month(stack: Local) -> Local:
    """The stack with a month of runs, which backfill brought into Prometheus alone."""
    folder = stack.settings.results_dir
    history = folder / "history"
    aside = folder / ".history.part"
    aside.mkdir(parents=True)
    dated = list(documents(datetime.now(UTC)))
    for name, document in filter(_is_counted_alike, dated[::EVERY]):
        (aside / name).write_text(json.dumps(document))
    aside.rename(history)
    done = stack.command("exporter", "backfill", f"--stack={stack.settings.root}", str(history))
    assert done.returncode == 0, done.stderr
    done = stack.command("long-term-fill")
    assert done.returncode == 0, done.stderr
    # A store that is stopped writes all that it has; one that is killed does not.
    supervisorctl(stack.settings, "stop", VICTORIAMETRICS)
    supervisorctl(stack.settings, "start", VICTORIAMETRICS)
    until(is_back(VMAUTH, stack.settings), DEADLINE_SECONDS, "the store is back")
    return stack


def _is_counted_alike(dated: tuple[str, Mapping[str, Any]]) -> bool:
    """Whether a run is not in the hour at which a window of a week may begin.

    The windows begin at multiples of six hours, and have a value for each full hour. Prometheus 2
    includes the one at its beginning, VictoriaMetrics and Prometheus 3 do not.
    """
    timestamp = dated[1].get("timestamp") or dated[1]["run"]["timestamp"]
    return datetime.fromisoformat(timestamp).astimezone(UTC).hour % 6 != 5


def test_it_listens_where_it_says(stack: Local) -> None:
    settings = stack.settings
    expected = {("127.0.0.1", settings.port(part)) for part in doors(stack)}
    ports = internal.ports(settings)
    expected |= {("127.0.0.1", ports[part.name]) for part in (*doors(stack), VICTORIAMETRICS)}
    assert set(stack.listening()) == expected
    assert VMAUTH in doors(stack)


@pytest.mark.parametrize("part", [VICTORIAMETRICS, VMAUTH])
def test_without_the_credential_only_health_is_open(stack: Local, part: Part) -> None:
    address = internal.address(part, stack.settings)
    paths = (
        *("/", "/metrics", "/flags", "/-/reload", "/debug/pprof/", "/api/v1/write", "/vmui/"),
        *("/api/v1/query?query=1", "/api/v1/export", "/snapshot/create", "/internal/force_merge"),
        *("/api/v1/admin/tsdb/delete_series", "/api/v1/status/tsdb", "/write", "/api/put"),
    )
    for path in paths:
        for headers in ({}, {"Authorization": "Basic c3RhY2s6d3Jvbmc="}):
            assert ask(address, path, headers)[0] == 401, path
            assert ask(address, path, headers, method="POST")[0] == 401, path
    assert ask(address, "/health")[0] == 200


NOT_READING = (
    *("/api/v1/write", "/api/v1/import", "/api/v1/admin/tsdb/delete_series", "/snapshot/create"),
    *("/snapshot/delete_all", "/internal/force_merge", "/metrics", "/flags", "/vmui/", "/"),
    *("/api/v1/export", "/api/v1/query/../write", "/api/v1/query%2f..%2fwrite", "//api/v1/write"),
    *("/api/v1/label/x%2f..%2f..%2fwrite/values", "/api/v1/label/../write/values", "/-/reload"),
    *("/debug/pprof/", "/prometheus/api/v1/write", "/api/v1/query/x", "/health"),
)


def test_the_published_address_only_answers_queries(stack: Local) -> None:
    address = published(VMAUTH, stack.settings)
    for path in NOT_READING:
        for method in ("GET", "POST"):
            assert ask(address, path, method=method)[0] == 403, path
    status, text = ask(address, "/api/v1/query?query=1%2B1")
    assert (status, json.loads(text)["data"]["result"][0]["value"][1]) == (200, "2")


def test_vmauth_passes_on_no_other_path_even_with_the_credential(stack: Local) -> None:
    address = internal.address(VMAUTH, stack.settings)
    headers = {"Authorization": f"Basic {credential.basic(stack.settings)}"}
    for path in (
        *("/api/v1/import", "/api/v1/admin/tsdb/delete_series", "/snapshot/create", "/vmui/"),
        *("/internal/force_merge", "/internal/resetRollupResultCache", "/api/v1/export", "/write"),
    ):
        assert ask(address, path, headers)[0] == 400, path


def test_a_new_credential_is_used_after_up_and_nothing_is_refused(stack: Local) -> None:
    (stack.settings.secrets_dir / credential.FILE).unlink()
    up = stack.command("up")
    assert up.returncode == 0, up.stdout + up.stderr
    seconds_until_equal(stack.settings, EACH_SECOND, time.time() - 1, DEADLINE_SECONDS)


def test_history_shows_the_same_from_the_store_as_from_prometheus(month: Local) -> None:
    end = time.time() - 5
    shown = 0
    for query in history_queries():
        if query.panel in COUNTED_OTHERWISE:
            continue

        def are_equal() -> int | None:
            found, count = differences(month.settings, query, end)  # noqa: B023  # called here
            return None if found else count

        count, _ = until(are_equal, DEADLINE_SECONDS, f"equal answers to {query.expr}")
        shown += count
    assert shown > 500


def test_runs_per_day_differ_by_one_for_each_benchmark_at_most(month: Local) -> None:
    (query,) = (query for query in history_queries() if query.panel in COUNTED_OTHERWISE)
    found, count = differences(month.settings, query, time.time() - 5)
    assert count
    series = 8  # three benchmarks and a pipeline in two environments
    for point in found:
        assert 0 <= (point.store or 0) - (point.prometheus or 0) <= series


def test_what_came_while_the_store_was_away_is_brought_in(
    month: Local, measured: Callable[[str], None]
) -> None:
    settings = month.settings
    began = time.time() - 5
    supervisorctl(settings, "stop", VICTORIAMETRICS)
    time.sleep(AWAY_SECONDS)
    supervisorctl(settings, "start", VICTORIAMETRICS)
    seconds = seconds_until_equal(settings, EACH_SECOND, began, DEADLINE_SECONDS)
    measured(f"{AWAY_SECONDS:g} s without the store: caught up after {seconds:.1f} s")


def test_killing_the_store_or_vmauth_while_it_is_written_to_leaves_no_hole(month: Local) -> None:
    settings = month.settings
    for part in (VICTORIAMETRICS, VMAUTH):
        month.kill(part)
        until(is_back(part, settings), DEADLINE_SECONDS, f"{part.name} is back")
    end = time.time()
    seconds_until_equal(settings, EACH_SECOND, end - 1, DEADLINE_SECONDS)
    # What is missing are samples of some seconds. A sparse series that had its newest one then has
    # the next after its period; when it has, there is no step without a value. The newest point has
    # what came just now, of which the store answers half a minute later.
    for query in history_queries():
        if query.panel in COUNTED_OTHERWISE:
            continue

        def is_whole() -> bool | None:
            # A query of one moment looks back five minutes, so it asks for one that has the next
            # sample of each series.
            moment = time.time() - LATENCY_SECONDS
            at = end if query.step_seconds is not None else moment  # noqa: B023  # called here
            return not differences(settings, query, at)[0] or None  # noqa: B023

        until(is_whole, SLOW_PERIOD_SECONDS + 2 * DEADLINE_SECONDS, f"no hole in {query.expr}")


def test_what_prometheus_had_not_sent_when_it_was_restarted_can_be_filled_in(
    month: Local,
) -> None:
    settings = month.settings
    began = time.time() - 5
    supervisorctl(settings, "stop", VICTORIAMETRICS)
    time.sleep(AWAY_SECONDS)
    month.kill(PROMETHEUS)
    until(is_back(PROMETHEUS, settings), DEADLINE_SECONDS, "Prometheus is back")
    supervisorctl(settings, "start", VICTORIAMETRICS)
    until(is_back(VMAUTH, settings), DEADLINE_SECONDS, "the store is back")
    done = month.command("long-term-fill", "--since=10m")
    assert done.returncode == 0, done.stderr
    seconds_until_equal(settings, EACH_SECOND, began, DEADLINE_SECONDS)


def test_of_what_a_pair_of_prometheus_writes_within_a_second_one_sample_stays(stack: Local) -> None:
    settings = stack.settings
    headers = {"Authorization": f"Basic {credential.basic(settings)}"}
    end = int(time.time()) - 10
    labels = (("__name__", "written_by_a_pair"),)
    with RemoteWriter(internal.url(VMAUTH, settings), headers) as writer:
        for offset_ms in (200, 600):  # of the two Prometheus' scrapes
            times = (1000 * (end - second) + offset_ms for second in range(20))
            writer.write([Point(labels, at, 1.0) for at in times])

    def stored() -> float | None:
        return samples(VMAUTH, settings, "written_by_a_pair", 60, end + 2) or None

    found, _ = until(stored, DEADLINE_SECONDS, "samples of both")
    assert found == 20


def test_without_the_store_again_the_stack_starts(stack: Local) -> None:
    # Last: Prometheus may have samples for a store that is gone, and must not wait for it.
    supervisorctl(stack.settings, "stop", VMAUTH)
    write_env(stack.settings.root, "LONG_TERM_STORE=no")
    up = stack.command("up")
    assert up.returncode == 0, up.stdout + up.stderr
    assert "vmauth" not in up.stdout
    assert {VICTORIAMETRICS.name, VMAUTH.name}.isdisjoint(stack.process_ids())
