"""The words of CIs for the outcome of a run."""

import pytest

from benchmark_exporter.formats.pipeline_outcome import (
    FAILED,
    PASSED,
    UNDECIDED,
    CIStatusError,
    status_of,
)


def test_every_word_means_one_thing_in_any_case() -> None:
    assert len(PASSED | FAILED | UNDECIDED) == len(PASSED) + len(FAILED) + len(UNDECIDED)
    assert [status_of(word) for word in ("success", "UNSTABLE", "timed_out", "Aborted")] == [
        "pass",
        "fail",
        "fail",
        None,
    ]
    with pytest.raises(CIStatusError, match="'green' is not a known status"):
        status_of("green")
