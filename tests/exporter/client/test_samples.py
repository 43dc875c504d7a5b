"""Durations in bounded memory."""

from benchmark_exporter.client.samples import Samples


def test_samples_beyond_the_limit_are_thinned_evenly_and_stay_in_order() -> None:
    samples, total = Samples(1000), 100_000
    for number in range(total):
        samples.recent.append(number)
        if number % 37 == 0:
            samples.fold()
    samples.fold()
    kept = samples.kept.tolist()
    assert samples.count == total
    assert 400 <= len(kept) <= 1000
    assert kept == sorted(kept)
    # Each tenth of the run has a tenth of them, within three standard deviations of a fair draw.
    for tenth in range(10):
        here = sum(tenth * 10_000 <= value < (tenth + 1) * 10_000 for value in kept)
        assert abs(here - len(kept) / 10) < 3 * (len(kept) * 0.1 * 0.9) ** 0.5


def test_what_a_period_would_hide_is_kept_with_its_share() -> None:
    samples = Samples(1000)
    for number in range(100_000):
        samples.recent.append(number % 2)
        if number % 100 == 99:
            samples.fold()
    # With one start for all folds it would be 0 or 1.
    assert 0.3 < sum(samples.kept) / len(samples.kept) < 0.7
