"""The page of benchmarks/failover.py."""

import os
import platform
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from benchmarks.cluster_timeout import ALERTS, Row

if TYPE_CHECKING:
    from benchmarks.failover import Cost, Death
    from tests.stack.pair import Queries

WITH_MEMBERS = ("prometheus", "alertmanager", "exporter", "proxy")


def page(
    rows: Sequence[Row],
    costs: "Sequence[Cost]",
    deaths: "Sequence[Death]",
    queries: "Queries",
    lost: Sequence[str],
    twice: Sequence[str],
) -> str:
    """The figures as Markdown."""
    lines = [
        "# Two Prometheus, three Alertmanagers",
        "",
        f"By `make drill-failover`, {datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores shared by",
        (
            f"everything, Python {platform.python_version()}; load average "
            f"{os.getloadavg()[0]:.1f} at the end."
        ),
        "",
        "From the writing of a result to the message at a receiver, or its end, in seconds:",
        "",
        "| who dies | when | n | median | longest |",
        "|---|---|--:|--:|--:|",
        *_deaths(deaths),
        "",
        f"Alerts lost: {len(lost)}. Sent more than once: {len(twice)}.",
        *(f"- {one}" for one in (*lost, *twice)),
        "",
        (
            f"Queries meanwhile: {queries.answers} answered, {len(queries.failures)} failed; the "
            f"slowest took {queries.slowest_seconds:.1f} s."
        ),
        *(f"- {one}" for one in queries.failures[:10]),
        "",
        "What each process used while a result came in each second:",
        "",
        "| process | of one core | resident | disk |",
        "|---|--:|--:|--:|",
        *(
            f"| {one.part} | {one.core:.1%} | {one.memory_bytes / 1e6:.0f} MB "
            f"| {one.disk_bytes / 1e6:.1f} MB |"
            for one in sorted(costs, key=lambda one: one.part)
            if one.part.startswith(WITH_MEMBERS)
        ),
        "",
        (
            f"{ALERTS} alerts in a cluster of three alone, by `--cluster.peer-timeout` and by how "
            "long the"
        ),
        "receiver takes to answer; then again, after the first one was killed:",
        "",
        "| timeout | receiver answers after | messages | after the death | the last of them |",
        "|--:|--:|--:|--:|--:|",
        *(
            f"| {row.timeout_seconds} s | {row.answer_seconds:g} s | {row.messages} "
            f"| {row.late_messages} | {row.late_seconds:.1f} s |"
            for row in rows
        ),
        "",
    ]
    return "\n".join(lines)


def _deaths(deaths: "Sequence[Death]") -> Iterator[str]:
    for death in deaths:
        ordered = sorted(death.delays)
        median = ordered[len(ordered) // 2]
        yield f"| {death.who} | {death.when} | {len(ordered)} | {median:.1f} | {ordered[-1]:.1f} |"
