"""A short fuzz run; `make fuzz` is the long one."""

from tests.fuzz.fuzz_formats import REASONS, fuzz

DOCUMENTS = 5000


def test_hostile_documents_are_accepted_or_rejected_with_a_reason() -> None:
    tally = fuzz(seed=0, numbers=range(DOCUMENTS))
    assert tally.failures == []
    # The documents reach every reason, and some are accepted.
    accepted = {outcome for outcome in tally.outcomes if outcome.startswith("accepted")}
    assert tally.outcomes.keys() - accepted == REASONS
    assert sum(tally.outcomes[outcome] for outcome in accepted) > DOCUMENTS / 20
