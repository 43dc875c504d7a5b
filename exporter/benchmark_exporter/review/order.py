"""Which run of a CI a comment is of, so that an older run does not replace a newer one's."""

import re
from collections.abc import Mapping
from typing import NamedTuple

_LINE = re.compile(r"<!-- run (\d{1,18})\.(\d{1,18}) -->")


class Order(NamedTuple):
    """A run among others of its repository: both numbers only grow.

    `run` is GitHub's run id or GitLab's pipeline id, `attempt` GitHub's attempt or GitLab's job id,
    since a job can be run again.
    """

    run: int
    attempt: int

    @property
    def line(self) -> str:
        """The hidden line of a comment."""
        return f"<!-- run {self.run}.{self.attempt} -->"


def order_in(body: str) -> Order | None:
    """The order in a comment, which is its second line; None if it has none."""
    lines = body.splitlines()[1:2]
    found = _LINE.fullmatch(lines[0]) if lines else None
    return None if found is None else Order(int(found[1]), int(found[2]))


def order_of(variables: Mapping[str, str], run: str, attempt: str) -> Order | None:
    """The order that two of a job's variables give; None if one of them is not a number."""
    numbers = [variables.get(name, "") for name in (run, attempt)]
    if not all(number.isascii() and number.isdecimal() for number in numbers):
        return None
    return Order(*map(int, numbers))
