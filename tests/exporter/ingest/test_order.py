"""What is shown and kept follows from the set of runs, in whatever order they arrive."""

from hypothesis import given

from tests.support.arrivals import EXAMPLES, Arrivals, arrivals, end_of


@EXAMPLES
@given(arrivals())
def test_any_order_of_arrival_ends_the_same(arrived: Arrivals) -> None:
    in_order = Arrivals.in_order(arrived.runs)
    assert end_of(arrived) == end_of(in_order)
