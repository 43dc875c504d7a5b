"""A process that dies at any step shows, after a restart, what one shows that never died."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.documents import changed
from tests.support.dying import FILES, before_each_statement, die, die_at_call, die_in
from tests.support.wired import Wired


def prepare(folder: Path) -> Wired:
    """Some files are ingested, one is rejected, others wait, one has grown and one has gone."""
    folder.mkdir()
    wired = Wired(folder)
    for name in ("0.json", "1.json"):
        wired.take(name, FILES["1.json"] | {"name": name})
    wired.take("bad.json", {})
    wired.take("8.json", changed(FILES["8.json"], "results", FILES["8.json"]["results"][:1]))
    (wired.results / "0.json").unlink()
    for name, document in FILES.items():
        wired.drop(name, document)
    return wired


def finished(wired: Wired) -> str:
    wired.settle()
    return wired.exposition()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    wired = prepare(tmp_path_factory.mktemp("undisturbed") / "stage")
    wired.restart()
    yield finished(wired)
    wired.ledger.close()


def die_at_statement(number: int) -> Callable[[Wired], None]:
    def arrange(wired: Wired) -> None:
        before_each_statement(wired, die_at_call(number))

    return arrange


def test_killed_before_each_statement_of_the_ledger(tmp_path: Path, undisturbed: str) -> None:
    number = 1
    while True:
        wired = prepare(tmp_path / f"{number}")
        died = die_in(wired, die_at_statement(number))
        assert finished(wired) == undisturbed, f"killed before statement {number}"
        wired.ledger.close()
        if not died:
            break
        number += 1
    assert number > 100  # it reached a batch's statements


def test_killed_between_commit_and_publish(tmp_path: Path, undisturbed: str) -> None:
    wired = prepare(tmp_path / "stage")

    def arrange(again: Wired) -> None:
        again.publish = die

    assert die_in(wired, arrange)
    assert finished(wired) == undisturbed
    wired.ledger.close()


def test_killed_again_and_again(tmp_path: Path, undisturbed: str) -> None:
    wired = prepare(tmp_path / "stage")
    for number in (40, 3, 90, 17, 60):
        die_in(wired, die_at_statement(number))
    assert finished(wired) == undisturbed
    wired.ledger.close()
