"""`x.meta.json` states what `x.json` does not. If it is late, it changes nothing."""

import os

import pytest

from benchmark_exporter.ingest import reading
from tests.support.documents import Json
from tests.support.retention import SIZE
from tests.support.series import DUPLICATE, REJECTED, REJECTED_NOW, RUNS
from tests.support.wired import Wired


@pytest.fixture(params=[1, reading.LISTED_FILES], autouse=True, ids=["listed", "one_by_one"])
def listed_files(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sidecars are found in both ways, whichever would be chosen for so few files."""
    monkeypatch.setattr(reading, "LISTED_FILES", request.param)


def meta(commit: str, environment: str = "ci") -> Json:
    return {"commit": commit, "environment": environment, "timestamp": "2026-03-01T12:00:00Z"}


def runs(wired: Wired) -> dict[str, float]:
    """The number of runs by environment."""
    return {
        dict(labels)["environment"]: value
        for labels, value in wired.samples().get(RUNS, {}).items()
    }


def commits(wired: Wired) -> set[str]:
    return {dict(labels)["commit_hash"] for labels in wired.samples()["benchmark_run_info"]}


@pytest.mark.parametrize("order", [("a.meta.json", "a.json"), ("a.json", "a.meta.json")])
def test_a_document_and_a_sidecar_of_one_scan_belong_together_in_either_order(
    wired: Wired, order: tuple[str, str]
) -> None:
    for name in order:
        wired.drop(name, meta("a1b2c3d") if "meta" in name else SIZE)
    wired.settle()
    assert (runs(wired), commits(wired)) == ({"ci": 1}, {"a1b2c3d"})
    assert REJECTED not in wired.samples()
    before = wired.exposition()
    wired.restart()
    wired.settle()
    assert wired.exposition() == before


def test_a_sidecar_that_is_rewritten_still_waits_for_its_document(wired: Wired) -> None:
    wired.take("a.meta.json", meta("fffffff"))
    wired.take("a.meta.json", meta("a1b2c3d"))
    wired.restart()
    wired.take("a.json", SIZE)
    assert commits(wired) == {"a1b2c3d"}
    assert REJECTED not in wired.samples()


def test_a_document_without_a_time_has_its_files_mtime(wired: Wired) -> None:
    path = wired.drop("a.json", SIZE)
    os.utime(path, (1_700_000_000, 1_700_000_000))
    wired.settle()
    found = wired.value(
        "benchmark_last_run_timestamp_seconds",
        benchmark_name="binary",
        environment=wired.config.environment,
    )
    assert found == 1_700_000_000


def test_a_late_sidecar_changes_nothing_and_is_rejected_once(wired: Wired) -> None:
    wired.take("a.json", SIZE)
    wired.take("a.meta.json", meta("a1b2c3d"))
    assert (runs(wired), commits(wired)) == ({"local": 1}, {""})
    assert wired.value(REJECTED, reason="late_sidecar") == 1
    (rejected,) = wired.ledger.state().rejected_files
    assert (rejected.path, rejected.detail) == (
        "a.meta.json",
        "a.json was ingested without it; write the sidecar first",
    )
    wired.restart()
    wired.settle()
    assert wired.value(REJECTED, reason="late_sidecar") == 1
    os.utime(wired.results / "a.json")
    wired.settle()
    assert runs(wired) == {"local": 1}


def test_a_late_sidecar_that_is_invalid_leaves_its_document_alone(wired: Wired) -> None:
    wired.take("a.json", SIZE)
    wired.take("a.meta.json", {"comit": "a1b2c3d"})
    assert [(file.path, file.reason) for file in wired.ledger.state().rejected_files] == [
        ("a.meta.json", "invalid_value")
    ]
    os.utime(wired.results / "a.json")
    wired.settle()
    wired.take("a.meta.json", meta("a1b2c3d"))
    assert (runs(wired), commits(wired)) == ({"local": 1}, {""})
    assert [(file.path, file.reason) for file in wired.ledger.state().rejected_files] == [
        ("a.meta.json", "late_sidecar")
    ]


def test_a_sidecar_that_changes_after_its_document_is_late_too(wired: Wired) -> None:
    wired.drop("a.meta.json", meta("a1b2c3d"))
    wired.take("a.json", SIZE)
    wired.take("a.meta.json", meta("fffffff", "elsewhere"))
    assert (runs(wired), commits(wired)) == ({"ci": 1}, {"a1b2c3d"})
    assert wired.value(REJECTED_NOW, reason="late_sidecar") == 1


def test_a_late_sidecar_applies_to_the_next_document_of_that_name(wired: Wired) -> None:
    wired.take("a.json", SIZE)
    wired.take("a.meta.json", meta("a1b2c3d"))
    wired.take("a.json", [{"name": "binary", "unit": "bytes", "value": 8192}])
    assert runs(wired) == {"local": 1, "ci": 1}
    assert wired.value(REJECTED_NOW, reason="late_sidecar") == 0


def test_the_same_measurements_of_two_commits_are_two_runs(wired: Wired) -> None:
    for name, commit in (("a", "a1b2c3d"), ("b", "b2c3d4e")):
        wired.drop(
            f"{name}.meta.json",
            meta(commit) | {"timestamp": f"2026-03-0{1 + (name == 'b')}T12:00:00Z"},
        )
        wired.take(f"{name}.json", SIZE)
    assert (runs(wired), wired.value(DUPLICATE)) == ({"ci": 2}, 0)


def test_a_copy_with_its_sidecar_is_a_duplicate(wired: Wired) -> None:
    for name in ("a", "b"):
        wired.drop(f"{name}.meta.json", meta("a1b2c3d"))
        wired.take(f"{name}.json", SIZE)
    assert (runs(wired), wired.value(DUPLICATE)) == ({"ci": 1}, 1)


def test_a_document_waits_while_its_sidecar_is_incomplete(wired: Wired) -> None:
    wired.drop("a.meta.json", b'{"commit": "a1b')
    wired.drop("a.json", SIZE)
    wired.ingest.scan()
    assert RUNS not in wired.samples()
    wired.take("a.meta.json", meta("a1b2c3d"))
    assert (runs(wired), commits(wired)) == ({"ci": 1}, {"a1b2c3d"})
    assert REJECTED not in wired.samples()


def test_an_invalid_sidecar_rejects_both_until_it_is_fixed(wired: Wired) -> None:
    wired.drop("a.meta.json", {"comit": "a1b2c3d"})
    wired.take("a.json", SIZE)
    details = {file.path: file.detail for file in wired.ledger.state().rejected_files}
    unknown = "Object contains unknown field `comit`"
    assert details == {"a.json": f"in its sidecar: {unknown}", "a.meta.json": unknown}
    wired.take("a.meta.json", meta("a1b2c3d"))
    assert (runs(wired), commits(wired)) == ({"ci": 1}, {"a1b2c3d"})
    assert wired.ledger.state().rejected_files == []


def test_an_event_for_the_fixed_sidecar_alone_is_enough(wired: Wired) -> None:
    wired.drop("a.meta.json", {"comit": "a1b2c3d"})
    wired.take("a.json", SIZE)
    wired.ingest.check([wired.drop("a.meta.json", meta("a1b2c3d"))])
    assert commits(wired) == {"a1b2c3d"}
