"""The fuzz run's short form; `make fuzz` is the long one."""

from tests.fuzz.fuzz_formats import REASONS, fuzz

DOCUMENTS = 5000


def test_some_thousand_hostile_documents_are_each_accepted_or_rejected_with_a_reason() -> None:
    tally = fuzz(seed=0, numbers=range(DOCUMENTS))
    assert tally.failures == []
    # It does reach what there is to reach.
    accepted = {outcome for outcome in tally.outcomes if outcome.startswith("accepted")}
    assert tally.outcomes.keys() - accepted == REASONS
    assert sum(tally.outcomes[outcome] for outcome in accepted) > DOCUMENTS / 20
