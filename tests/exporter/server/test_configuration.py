"""config.yaml read again when it changes: what is taken over, what waits, what is refused."""

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark_exporter.config import Config, load_config
from benchmark_exporter.server.configuration import Configuration

START = "judgement: {tolerance_ratio: 0.1}\n"
CHANGED = "judgement: {tolerance_ratio: 0.2}\n"


class Watched:
    """A file and the exporter's settings that are read from it, with a clock of seconds."""

    def __init__(self, path: Path, environment: str | None = None) -> None:
        self.path = path
        self.now = 1000.0
        path.write_text(START)
        config = load_config(path)
        self.configuration = Configuration(config, path, environment, lambda: self.now)

    def replace(self, text: str) -> None:
        """Puts a new file in place in one step, as editors do."""
        new = self.path.with_name("new")
        new.write_text(text)
        new.replace(self.path)

    def check(self, times: int = 1) -> Config | None:
        """The settings that the last of some checks, a second apart, gives."""
        found = None
        for _ in range(times):
            self.now += 1
            found = self.configuration.read_again()
            if found is not None:
                self.configuration.set_in_effect(found)
        return found


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path / "config.yaml")


def tolerance(config: Config | None) -> float | None:
    return None if config is None else config.judgement.tolerance_ratio


def test_a_file_that_stays_as_it_is_is_not_read_again(watched: Watched) -> None:
    assert watched.check(3) is None
    assert watched.configuration.status.success_timestamp_seconds == 1000.0
    assert watched.configuration.checked_seconds == 1003.0


def write_in_place(watched: Watched) -> None:
    watched.path.write_text(CHANGED)


def replace_the_file(watched: Watched) -> None:
    watched.replace(CHANGED)


@pytest.mark.parametrize("change", [write_in_place, replace_the_file])
def test_a_change_is_taken_over_once_it_is_complete(
    watched: Watched, change: Callable[[Watched], None]
) -> None:
    change(watched)
    assert watched.check() is None  # somebody may still be writing
    assert tolerance(watched.check()) == 0.2
    assert watched.configuration.status.success_timestamp_seconds == watched.now
    assert watched.check(2) is None


def test_a_link_that_leads_to_another_file_is_a_change(tmp_path: Path) -> None:
    """As Kubernetes changes the files of a ConfigMap: the folder's link is replaced."""
    for name, text in (("1", START), ("2", CHANGED)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.yaml").write_text(text)
    (tmp_path / "data").symlink_to("1")
    path = tmp_path / "config.yaml"
    path.symlink_to("data/config.yaml")
    watched = Watched(path)
    (tmp_path / "new").symlink_to("2")
    (tmp_path / "new").replace(tmp_path / "data")
    watched.check()
    assert tolerance(watched.check()) == 0.2


def test_a_file_that_changes_again_and_again_waits_until_it_is_still(watched: Watched) -> None:
    for ratio in (0.11, 0.12, 0.13):
        watched.replace(f"judgement: {{tolerance_ratio: {ratio}}}")
        assert watched.check() is None
    assert tolerance(watched.check()) == 0.13


def test_a_wrong_file_is_refused_and_logged_once(
    watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    watched.replace("limits:\n  - {match: a}\n  - {least_change: 50lightyears}\n")
    assert watched.check(5) is None
    configuration = watched.configuration
    assert tolerance(configuration.now) == 0.1
    assert not configuration.status.successful
    assert configuration.failure is not None
    assert f"{watched.path}: limits[1].least_change: '50lightyears'" in configuration.failure
    refused = [each for each in caplog.records if "refused" in each.message]
    assert [each.fields["reason"] for each in refused] == [configuration.failure]  # type: ignore[attr-defined]
    watched.replace(CHANGED)
    assert tolerance(watched.check(2)) == 0.2
    assert configuration.status.successful


def test_going_back_to_what_was_in_effect_ends_a_refusal(watched: Watched) -> None:
    watched.replace("settle_second: 3")
    watched.check(2)
    assert watched.configuration.failure is not None
    watched.replace(START)
    assert tolerance(watched.check(2)) == 0.1
    assert watched.configuration.failure is None


def test_a_file_that_is_gone_is_refused_until_it_is_back(watched: Watched) -> None:
    watched.path.unlink()
    watched.check(2)
    assert "cannot be read" in str(watched.configuration.failure)
    watched.path.write_text(START)
    assert watched.check(2) is not None
    assert watched.configuration.failure is None


def test_a_request_reads_the_file_at_once_whether_or_not_it_changed(watched: Watched) -> None:
    assert watched.configuration.read_again(at_once=True) is not None
    watched.replace(CHANGED)
    assert tolerance(watched.configuration.read_again(at_once=True)) == 0.2


def test_an_environment_that_was_given_to_the_exporter_is_no_change(
    tmp_path: Path,
) -> None:
    watched = Watched(tmp_path / "config.yaml", environment="ci")
    watched.configuration.now = load_config(watched.path)
    watched.configuration = Configuration(
        Config(environment="ci"), watched.path, "ci", lambda: watched.now
    )
    watched.replace(CHANGED)
    config = watched.check(2)
    assert config is not None
    assert config.environment == "ci"


def test_without_a_file_nothing_is_read() -> None:
    configuration = Configuration(Config(), None, None, lambda: 5.0)
    assert configuration.read_again(at_once=True) is None
    assert configuration.status.successful
