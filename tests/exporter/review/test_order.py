"""An older run does not replace what a newer one has said."""

from collections.abc import Iterator

import pytest

from benchmark_exporter.review.comment import Frame, render
from benchmark_exporter.review.markdown import marker
from benchmark_exporter.review.order import Order, order_in, order_of
from benchmark_exporter.review.report import Change, Report
from tests.exporter.review import forge_server
from tests.exporter.review.forge_server import PERSON, Forge
from tests.exporter.review.test_publish import KINDS, Publisher

MARKER = marker("octo/router", "")
REPORT = Report("comparison", [Change("parse", "seconds", 1.2, 1.0, outcome="worse")])


def body(run: int, attempt: int = 1) -> str:
    return render(REPORT, Frame("octo/router", order=Order(run, attempt)))


@pytest.fixture
def forge() -> Iterator[Forge]:
    with forge_server.forge() as server:
        yield server


def test_the_order_is_the_second_line_and_is_read_again() -> None:
    assert body(7, 2).splitlines()[:2] == [MARKER, "<!-- run 7.2 -->"]
    assert order_in(body(7, 2)) == Order(7, 2)
    without = render(REPORT, Frame("octo/router"))
    assert order_in(without) is None
    assert order_in(MARKER) is None
    # What a document says is further down.
    assert order_in(f"{without}\n<!-- run 9.9 -->") is None


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("older", [(8, 5), (9, 1)], ids=["of an older run", "an earlier attempt"])
def test_an_older_run_does_not_replace_a_newer_one(
    forge: Forge, kind: str, older: tuple[int, int]
) -> None:
    publisher = Publisher(forge, kind)
    assert publisher.publish(body(9, 2)) == "posted"
    assert publisher.publish(body(*older)) == "left as it is, of a newer run"
    assert forge.bodies() == [body(9, 2)]
    assert publisher.publish(body(10)) == "updated"
    assert forge.bodies() == [body(10)]


@pytest.mark.parametrize("kind", KINDS)
def test_of_several_comments_that_of_the_newest_run_is_left(forge: Forge, kind: str) -> None:
    for run in (3, 9, 5):
        forge.add(body(run))
    assert Publisher(forge, kind).publish(body(4)) == "left as it is, of a newer run"
    assert forge.bodies() == [body(9)]


def test_a_comment_of_somebody_else_does_not_count(forge: Forge) -> None:
    forge.add(body(99), PERSON)
    assert Publisher(forge).publish(body(4)) == "posted"
    assert forge.bodies() == [body(99), body(4)]


def test_one_without_an_order_is_replaced(forge: Forge) -> None:
    forge.add(f"{MARKER}\nof an earlier version")
    assert Publisher(forge).publish(body(1)) == "updated"
    assert forge.bodies() == [body(1)]


@pytest.mark.parametrize("value", ["", "-1", "1.5", "x", "²"])
def test_what_is_not_a_number_is_no_order(value: str) -> None:
    assert order_of({"A": "3", "B": "4"}, "A", "B") == Order(3, 4)
    assert order_of({"A": "3", "B": value}, "A", "B") is None
    assert order_of({"A": "3"}, "A", "B") is None
