"""The order of verdicts, in the status and on the stream alike."""

import json

import pytest

from benchmark_exporter.ledger import NewestVerdict
from benchmark_exporter.model import VERDICT_STATES, Verdict, VerdictState
from benchmark_exporter.stream.worst_first import WORST_FIRST, verdicts_worst_first
from tests.support.documents import Json, result
from tests.support.following import follow, until
from tests.support.histories import LEAST
from tests.support.process import Exporter
from tests.support.scopes import SCOPE


def newest(name: str, state: VerdictState, worsening_ratio: float | None) -> NewestVerdict:
    verdict = Verdict(
        state=state,
        value=1.0,
        worsening_ratio=worsening_ratio,
        run_count=10,
    )
    return NewestVerdict(
        benchmark="router",
        name=name,
        scope=SCOPE,
        commit_hash="a1b2c3d",
        passed_commit="",
        unit="seconds",
        verdict=verdict,
        baseline=None,
    )


def test_every_state_has_a_rank() -> None:
    assert set(WORST_FIRST) == set(VERDICT_STATES)


def test_worst_state_then_largest_worsening_then_name() -> None:
    verdicts = [
        newest("f", "insufficient_data", None),
        newest("e", "improved", -0.5),
        newest("d", "ok", 0.01),
        newest("s", "suspect", 0.9),
        newest("c", "warning", 0.1),
        newest("b", "warning", 0.3),
        newest("a", "warning", 0.1),
        newest("z", "critical", 0.2),
    ]
    ordered = verdicts_worst_first(verdicts)
    assert list(ordered) == [(SCOPE, "router")]
    assert [each.name for each in ordered[SCOPE, "router"]] == [*"zbacsdef"]


def variants(number: int, milliseconds: dict[str, float]) -> Json:
    """A run of one benchmark with several variants."""
    document = result(number, milliseconds)
    for each in document["results"]:
        each["variant"], each["benchmark"] = each["benchmark"], "router"
    return document


@pytest.mark.parametrize("worst", ["alpha", "zeta"])
async def test_status_and_stream_lead_with_the_same_verdict(exporter: Exporter, worst: str) -> None:
    before = {"alpha": 1.0, "mid": 1.0, "zeta": 1.0}
    now = {name: 2.0 if name == worst else 1.3 for name in before}
    for number in range(LEAST + 1):
        document = variants(number, now if number == LEAST else before)
        (exporter.results / f"{number}.json").write_text(json.dumps(document))
    ingested = 'benchmark_exporter_files_ingested_total{format="result"}'
    await until(lambda: exporter.value(ingested) == LEAST + 1)
    (run,) = json.loads(exporter.get("/api/v1/status"))["runs"]
    async with follow(exporter) as following:
        (news,) = (await following("hello"))["metrics"]["snapshot"]["runs"]
    shown = [(verdict["name"], verdict["state"]) for verdict in run["verdicts"]]
    assert shown[0] == (f"router/{worst}", "suspect")
    assert [(verdict["name"], verdict["state"]) for verdict in news["verdicts"]] == shown
