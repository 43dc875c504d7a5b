"""`benchmark-exporter history`: what is detectable, in the table, the JSON and as metrics."""

import json
import random

import pytest

from benchmark_exporter.__main__ import EXIT_OK, main
from tests.support.documents import result
from tests.support.wired import Wired


def test_the_table_has_what_is_detectable_and_what_would_make_it_smaller(
    wired: Wired, capsys: pytest.CaptureFixture[str]
) -> None:
    noise = random.Random(1)  # noqa: S311  # simulated noise
    for number in range(70):
        samples = [noise.gauss(1.0, 0.2) for _ in range(9)]
        document = result(number, {})
        document["results"] = [{"benchmark": "noisy", "unit": "milliseconds", "samples": samples}]
        wired.take(f"{number}.json", document)
    ledger = f"--ledger={wired.ledger_path}"
    assert main(["history", ledger, "--limit=1"]) == EXIT_OK
    heading, line = capsys.readouterr().out.splitlines()
    assert main(["history", ledger, "--limit=1", "--format=json"]) == EXIT_OK
    verdict = json.loads(capsys.readouterr().out)[0]["verdicts"]["noisy"]
    more = verdict["reachable_samples"] - 9
    assert line[heading.index("DETECTABLE") :] == (
        f"{verdict['detectable_ratio']:.1%}, {100 * verdict['reachable_ratio']:g}% "
        f"with {more} more samples"
    )
    labels = {"benchmark_name": "noisy", "environment": "ci"}
    for metric, field in (
        ("benchmark_detectable_change_ratio", "detectable_ratio"),
        ("benchmark_reachable_change_ratio", "reachable_ratio"),
        ("benchmark_reachable_change_samples", "reachable_samples"),
    ):
        assert wired.value(metric, **labels) == pytest.approx(verdict[field])
