"""A regression of each situation of benchmarks.delivery is reported, by the real programs.

CRASH_BENCHMARKS is how many other benchmarks there are.
"""

import os
from pathlib import Path

import pytest

from benchmarks.delivery import has_passed
from benchmarks.delivery_benchmarks import add_benchmarks
from benchmarks.delivery_situations import Runs, situations, write_histories
from benchmarks.delivery_stack import DeliveryStack, own_stack, until

BENCHMARKS = int(os.environ.get("CRASH_BENCHMARKS", "0"))
DOWN_SECONDS = 4.0
# A regression is shown for longer than Alertmanager's group_interval, and alerts end in groups.
# With many benchmarks it is shown for as long as by default.
SHOWN_SECONDS = 30.0 if BENCHMARKS else 12.0
REPORTED_SECONDS, RESOLVED_SECONDS = 120.0, 240.0


def receive(stack: DeliveryStack, name: str, status: str, what: str, seconds: float) -> None:
    """Waits until an alert of a result was received."""
    until(lambda: bool(stack.received.all(name, status)), f"{what}: {status}", seconds)


def reported(stack: DeliveryStack, name: str, status: str) -> int:
    """How often an alert of a result was received.

    While it fires, messages of its group repeat it.
    """
    return len({alert["startsAt"] for _, alert in stack.received.all(name, status)})


@pytest.mark.usefixtures("programs")
def test_each_is_reported_once_and_says_that_it_has_passed(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(
        f"regression_least_seconds: {SHOWN_SECONDS}\n", encoding="utf-8"
    )
    with own_stack(tmp_path, add_benchmarks(tmp_path, BENCHMARKS)) as stack:
        runs = Runs(tmp_path / "results")
        cases = {f"result-{n}": each for n, each in enumerate(situations(runs, DOWN_SECONDS))}
        write_histories(stack, runs, {name: each.good_commit(name) for name, each in cases.items()})
        for name, situation in cases.items():
            situation.cause(stack, [name])
        for name, situation in cases.items():
            receive(stack, name, "firing", situation.name, REPORTED_SECONDS)
            if situation.passes:
                receive(stack, name, "resolved", situation.name, RESOLVED_SECONDS)
                assert has_passed(stack, name, "resolved"), situation.name
        for name, situation in cases.items():
            assert reported(stack, name, "firing") == 1, situation.name
            assert reported(stack, name, "resolved") == situation.passes, situation.name
