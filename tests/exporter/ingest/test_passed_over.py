"""Which folders and names are read, and that others are logged once."""

import logging

import pytest

from tests.support.documents import golden, numbered_run
from tests.support.series import REJECTED, ROUTER, RUNS
from tests.support.wired import Wired


def notes(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [
        record.__dict__["fields"]["names"]
        for record in caplog.records
        if record.getMessage().startswith("not read")
    ]


def test_pytest_benchmarks_own_folder_is_read(wired: Wired) -> None:
    folder = wired.results / ".benchmarks/Linux-CPython-3.11-64bit"
    folder.mkdir(parents=True)
    path = wired.drop(
        ".benchmarks/Linux-CPython-3.11-64bit/0001_x.json", golden("pytest_benchmark/1-run")
    )
    wired.settle()
    assert sum(wired.samples()[RUNS].values()) > 0
    path.unlink()
    other = wired.drop(".benchmarks/Linux-CPython-3.11-64bit/0002_x.json", numbered_run(1))
    wired.ingest.check([other])  # an event names it
    assert wired.value(RUNS, **ROUTER) == 1


def test_what_is_not_read_for_its_name_is_logged_once(
    wired: Wired, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for name in (".cache/a.json", "b.csv", "c.json.zst", "live.jsonl", ".d.json", "e/f.txt"):
        (wired.results / name).parent.mkdir(exist_ok=True)
        wired.drop(name, numbered_run(1))
    wired.ingest.scan()
    (found,) = notes(caplog)
    assert sorted(found.split(", ")) == [".cache", "b.csv", "c.json.zst", "e/f.txt"]
    wired.ingest.scan()
    assert len(notes(caplog)) == 1
    wired.drop("g.csv", b"")
    wired.ingest.scan()
    assert notes(caplog)[1:] == ["g.csv"]
    assert RUNS not in wired.samples()
    assert REJECTED not in wired.samples()


def test_a_folder_of_many_such_names_is_logged_in_one_line(
    wired: Wired, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for number in range(1100):
        wired.drop(f"{number}.txt", b"")
    wired.ingest.scan()
    wired.ingest.scan()
    (found,) = notes(caplog)
    assert found.endswith(" and 995 more")
