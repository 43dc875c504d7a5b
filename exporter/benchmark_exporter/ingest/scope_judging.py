"""Judges the runs of a scope from a place on; `judging` says when and why."""

from collections.abc import Mapping, Sequence
from functools import cache, partial
from typing import NamedTuple

from msgspec.structs import replace

from benchmark_exporter.counters import REGRESSIONS_CONFIRMED, REGRESSIONS_SUPPRESSED
from benchmark_exporter.ingest.judged import Judged, run_results
from benchmark_exporter.ingest.later_runs import LaterRuns
from benchmark_exporter.ingest.standing import (
    Known,
    judge_result,
    known_before,
    replayed_before,
    standing_after,
)
from benchmark_exporter.ledger import (
    BEGINNING,
    END,
    Gap,
    JudgedResult,
    Place,
    PlacedRun,
    Rank,
    RunShiftRow,
    SeriesKey,
    Standing,
    Transaction,
    VerdictRow,
    digest_of,
    encode_state,
)
from benchmark_exporter.limits import LimitsFor
from benchmark_exporter.model import Result, Scope, Verdict
from benchmark_exporter.shifts import RunShift, find_run_shift


class Accepted(NamedTuple):
    """A result whose worse level became its level, and the run that shows it."""

    name: str
    run_id: str


class NewRun(NamedTuple):
    """A run of which no verdict is stored yet. See `Rank`, by which its verdicts are shown."""

    placed: PlacedRun
    results: Sequence[Result]
    rank: Rank


class ScopeJudging:
    """Judges runs of a scope, from an earlier place to later ones, and then keeps what follows.

    `accepted` has the results whose worse level became their level, and the run_id of the run that
    shows it; `shift_accepted` is an environment shift whose level became that of its results with
    the new run. `_standings` has what the next run of each series is judged by where that is not,
    or may not be, what is stored; the last place of each is in `_newest`.
    """

    def __init__(
        self, transaction: Transaction, scope: Scope, limits: LimitsFor, now: float
    ) -> None:
        self._transaction = transaction
        self._ledger = transaction.verdicts
        self._scope = scope
        self._limits = limits
        self._now = now
        self._later = LaterRuns(self._ledger, scope)
        self._standings: dict[SeriesKey, Known] = {}
        self._encoded: dict[SeriesKey, bytes] = {}
        self._newest: dict[SeriesKey, Place] = {}
        self._decide_newest = False
        self._shift_accepted: list[str] = []
        self.accepted: list[Accepted] = []
        self.shift_accepted: RunShiftRow | None = None

    def judge_new(self, new: NewRun) -> None:
        """Judges a run of which nothing is stored yet."""
        run, judged = new.placed, []
        place = run.place
        for result in new.results:
            key = SeriesKey.of(self._scope, result)
            known, limits = self._standings.get(key), self._limits.of(key)
            if known is None:
                known = known_before(self._transaction, key, result.better, place, limits)
            one = judge_result(known, result, run.rank_seconds, limits)
            if one is not None:
                judged.append(Judged(key, result, known, *one))
        if judged:
            self._record(run, judged, {})
        for each in judged:
            self._ledger.show(run.row, each.key, new.rank)

    def judge_late(self, late: Sequence[NewRun]) -> None:
        """Judges late runs, the first of them first, and in between the stored ones after them."""
        for number, new in enumerate(late, 1):
            self.judge_new(new)
            until = late[number].placed.place if number < len(late) else END
            self.judge_later(new.placed.place, until)

    def leave_out(self, gap: Gap) -> None:
        """Goes on with a series as if a run at a place had not been there."""
        (newest,) = self._ledger.places.last(gap.key, END, 1)
        known = self._replayed(gap.key, newest.judged, gap.place)
        if known.exact:
            self._standings[gap.key] = known
            self._encoded[gap.key] = encode_state(known.standing.state)
            self._newest[gap.key] = BEGINNING
        else:
            self._ledger.replay_next(gap.key, newest)
        self._decide_newest = self._ledger.shift(self._scope) is None

    def judge_later(self, place: Place, until: Place = END) -> None:
        """Judges the runs after a place again, until nothing can change any longer."""
        while self._standings:
            run = self._later.first_after(place, until, {key.name for key in self._standings})
            if run is None:
                return
            self._judge_again(run, self._later.judged(run))
            place = run.place

    def keep(self) -> None:
        """Stores what the next run of each series is judged by, where it has changed."""
        for key, known in self._standings.items():
            place, encoded = self._newest[key], self._encoded[key]
            digest = self._limits.of(key).digest
            self._ledger.keep_standing(key, known.standing, place, digest, encoded)
        if self._decide_newest:
            self._find_newest_shift()

    def _find_newest_shift(self) -> None:
        """Shows what the newest run says that has enough results to say whether it is a shift."""
        self._ledger.end_shift(self._scope)
        places = self._ledger.places
        for run in places.earlier(self._scope, END):
            if any(each.row.shifted is not None for each in places.judged(run.row)):
                shifted = self._ledger.run_shift(run.row) is not None
                self._ledger.keep_shift(self._scope, run.place, shifted=shifted)
                return

    def _replayed(self, key: SeriesKey, judged: JudgedResult, place: Place) -> Known:
        better = judged.result.better
        if better is None:  # nor was it judged, then
            return Known(Standing(), None, exact=False)
        return replayed_before(self._transaction, key, better, place, self._limits.of(key))

    def _judge_again(self, run: PlacedRun, judged: Sequence[JudgedResult]) -> None:
        again: list[Judged] = []
        others: dict[SeriesKey, JudgedResult] = {}
        for stored in judged:
            key = SeriesKey.of(self._scope, stored.result)
            known = self._standings.get(key)
            if known is None or (run.tracked and stored.row.standing_digest is None):
                others[key] = stored
            elif (one := self._judge_stored(run, key, known, stored)) is not None:
                again.append(one)
        if not again:
            return
        if run.tracked:
            self._record(run, again, others)
            return
        for each in again:
            row = VerdictRow(each.verdict, each.known.standing.passed_commit)
            self._ledger.record(run.row, each.key.name, row, new=False)

    def _judge_stored(
        self, run: PlacedRun, key: SeriesKey, known: Known, stored: JudgedResult
    ) -> Judged | None:
        one = judge_result(
            known, stored.result, run.rank_seconds, self._limits.of(key), goes_on=run.tracked
        )
        return None if one is None else Judged(key, stored.result, known, *one, stored.row)

    def _record(
        self, run: PlacedRun, judged: list[Judged], others: Mapping[SeriesKey, JudgedResult]
    ) -> None:
        """Decides about a shift, then stores and counts the verdicts on a run's results.

        `others` are results whose verdicts stay. If whether they moved with a shift changes, what
        follows from them changes, too.
        """
        replays = {
            key: cache(partial(self._replay, run, key, stored)) for key, stored in others.items()
        }
        shift: RunShift | None = None
        if len(judged) + len(others) >= self._limits.default.shift_least_results:
            shift = find_run_shift(list(run_results(judged, others, replays)), self._limits.default)
        for key, stored in others.items():
            moved = None if shift is None else shift.explains(key.name, stored.row.verdict)
            if moved != stored.row.shifted and (one := replays[key]()) is not None:
                judged.append(one)
        rejudged = {each.key for each in judged}
        self._shift_accepted = [
            key.name
            for key, stored in others.items()
            if stored.row.verdict.accepted and key not in rejudged
        ]
        for each in judged:
            moved = None if shift is None else shift.explains(each.key.name, each.verdict)
            self._record_one(run, each, shifted=moved)
        self._record_shift(run, judged, shift)
        if shift is not None:
            self._ledger.keep_shift(self._scope, run.place, shifted=shift.active)
            return
        newest = self._ledger.shift(self._scope)
        self._decide_newest |= newest is not None and newest.run == run.row

    def _record_shift(
        self, run: PlacedRun, judged: Sequence[Judged], shift: RunShift | None
    ) -> None:
        again = any(each.stored is not None for each in judged)
        if shift is not None and shift.active:
            accepted = len(set(self._shift_accepted) & shift.moved)
            row = RunShiftRow(shift.ratio, len(shift.moved), shift.judged, accepted)
            self._ledger.record_run_shift(run.row, row)
            if accepted and not again:
                self.shift_accepted = row
        elif again:
            self._ledger.record_run_shift(run.row, None)

    def _replay(self, run: PlacedRun, key: SeriesKey, stored: JudgedResult) -> Judged | None:
        """A result whose verdict stays, judged again; None if what it is judged by is not known."""
        if stored.row.standing_digest is None:
            return None
        known = self._replayed(key, stored, run.place)
        return self._judge_stored(run, key, known, stored) if known.exact else None

    def _record_one(self, run: PlacedRun, each: Judged, *, shifted: bool | None) -> None:
        key, verdict, stored = each.key, each.verdict, each.stored
        before, exact = each.known.standing, each.known.exact
        confirmed = verdict.state == "critical" and not shifted and exact
        counted = stored is not None and stored.counted
        least_runs = self._limits.of(key).judgement.least_runs
        if exact and shifted and before.shifted_runs + 1 >= least_runs:
            verdict = replace(verdict, accepted=True)
        if verdict.accepted:
            self._shift_accepted.append(key.name)
        digest = self._follow(run, each, shifted=shifted) if exact else None
        row = VerdictRow(verdict, before.passed_commit, shifted, counted or confirmed, digest)
        self._ledger.record(run.row, key.name, row, new=stored is None)
        newly = confirmed and not counted
        if stored is None or newly:
            self._count(run, key.name, verdict, confirmed=newly)
        self._transaction.reports.follow(
            run.row,
            key,
            verdict,
            run.commit_hash,
            run.rank_seconds,
            self._now,
            confirmed=newly,
        )
        self._transaction.triage.note(key[:-1], verdict.state, self._now, reported=newly)
        if each.verdict.accepted and exact and not (stored is not None and stored.verdict.accepted):
            self.accepted.append(Accepted(key.name, run.run_id))

    def _follow(self, run: PlacedRun, each: Judged, *, shifted: bool | None) -> int:
        """Keeps what the next run is judged by, unless that is what is stored; its digest."""
        key, result = each.key, each.result
        after = standing_after(
            each.known.standing,
            each.verdict,
            each.state,
            result,
            run.commit_hash,
            self._limits.of(key),
            pinned=each.known.pinned,
            shifted=shifted,
        )
        encoded, place = encode_state(after.state), run.place
        digest = digest_of(after, encoded)
        if each.stored is not None and each.stored.standing_digest == digest:
            self._standings.pop(key, None)
        else:
            self._standings[key] = Known(after, each.known.pinned, each.known.window)
            self._encoded[key] = encoded
            self._newest[key] = place
            self._ledger.add_checkpoint(key, place, after)
        return digest

    def _count(self, run: PlacedRun, name: str, verdict: Verdict, *, confirmed: bool) -> None:
        transaction, labels, now = self._transaction, (*self._scope.key, name), self._now
        transaction.count(REGRESSIONS_CONFIRMED.name, labels, now, by=int(confirmed))
        transaction.count(REGRESSIONS_SUPPRESSED.name, labels, now, by=int(verdict.suppressed))
        if confirmed:
            self._transaction.count_commit(
                self._scope,
                name,
                "critical",
                run.commit_hash,
                run.timestamp_seconds,
                self._now,
            )
