"""Which commit to test next, and which may still be the first slow one."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from benchmark_exporter.bisect.repository import Repository
from benchmark_exporter.bisect.state import State
from benchmark_exporter.compare.documents import CompareError

# The generator of git bisect (bisect.c), so that skips lead as far away as there.
_MULTIPLIER, _INCREMENT, _SHIFT, _MODULO = 1103515245, 12345, 65536, 32768


@dataclass(frozen=True, slots=True)
class Position:
    """How far a search is.

    `suspects` may be the first slow commit; the last of them is known to be slow, the others were
    not tested or skipped. `untested` has those that can still be tested, the best first.
    """

    suspects: Sequence[str]
    untested: Sequence[str]

    @property
    def next(self) -> str | None:
        """The commit to test next, None if no test can tell more.

        That is the one which halves the suspects. If it was skipped, one some way off, since the
        neighbours of a commit that does not build often do not build either.
        """
        if not self.untested:
            return None
        if self.suspects[0] == self.untested[0]:
            return self.untested[0]
        count = len(self.untested)
        chance = ((count * _MULTIPLIER + _INCREMENT) // _SHIFT) % _MODULO
        return self.untested[int(count * chance / _MODULO * math.sqrt(chance / _MODULO))]

    @property
    def steps_left(self) -> int:
        """About how many commits will have to be tested."""
        return math.ceil(math.log2(len(self.untested) + 1))


def position(repository: Repository, state: State) -> Position:
    """Where a search stands with what was tested."""
    bad = [state.arguments.bad, *state.with_verdict("slow")][-1]
    goods = [state.arguments.good, *state.with_verdict("fast")]
    done = {bad, *state.with_verdict("skipped")}
    suspects = repository.between(bad, goods)
    return Position(suspects, [commit for commit in suspects if commit not in done])


def untested_base(repository: Repository, state: State) -> str | None:
    """A merge base of good and bad that was not tested yet; None where good is an ancestor of bad.

    Where their histories have parted, bad may be slower because good alone became faster.

    Raises:
        CompareError: they are the same or share no history, bad comes before good, or a merge base
            is slow.
    """
    good, bad = state.arguments.good, state.arguments.bad
    if good == bad:
        raise CompareError("good and bad are the same commit")
    bases = repository.merge_bases(good, bad)
    if not bases:
        raise CompareError("the good and the bad commit share no history")
    if bad in bases:
        raise CompareError("the bad commit comes before the good one: has --good become faster?")
    slow = [base for base in bases if base in state.with_verdict("slow")]
    if slow:
        raise CompareError(
            f"the merge base of good and bad, {slow[0]}, is slow too: not bad became slower, but "
            "good became faster"
        )
    tested = {good, *(each.commit for each in state.tested)}
    return next((base for base in bases if base not in tested), None)
