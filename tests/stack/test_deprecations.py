"""`.env` of earlier versions: it works, and says what to change."""

import shutil
from pathlib import Path

import pytest

from stack import deprecations
from stack.settings import StackError, defaults, load
from tests.support.paths import REPOSITORY
from tests.support.upgrades import NAMES, unpack


@pytest.fixture
def root(tmp_path: Path) -> Path:
    shutil.copy(REPOSITORY / ".env.example", tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", NAMES)
def test_the_env_of_every_earlier_version_is_taken_over(name: str, root: Path) -> None:
    unpack(name, root).env.rename(root / ".env")
    settings = load(root, environ={})
    assert settings["BENCHMARK_ENVIRONMENT"] == "lab"
    assert settings["PROMETHEUS_RETENTION_TIME"] == "20d"


def test_a_renamed_setting_counts_for_the_new_one_and_warns(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(deprecations, "RENAMED", {"PORT": "EXPORTER_PORT", "OLD": "STREAM_PORT"})
    monkeypatch.setattr(deprecations, "REMOVED", {"COLOUR": "nothing takes its place"})
    (root / ".env").write_text("PORT=8001\nOLD=8002\nSTREAM_PORT=8003\nCOLOUR=blue\n")
    settings = load(root, environ={})
    assert (settings["EXPORTER_PORT"], settings["STREAM_PORT"]) == ("8001", "8003")
    assert capsys.readouterr().err.splitlines() == [
        "PORT in .env is now EXPORTER_PORT: rename it",
        "OLD in .env is now STREAM_PORT: rename it",
        "COLOUR in .env is ignored: nothing takes its place; remove it",
    ]


def test_another_name_is_a_mistake_and_the_closest_is_named(root: Path) -> None:
    (root / ".env").write_text("EXPORTER_PROT=1\nWHATEVER_ELSE=2\n")
    with pytest.raises(StackError) as caught:
        load(root, environ={})
    assert str(caught.value).splitlines() == [
        (
            "EXPORTER_PROT in .env is not a setting; did you mean EXPORTER_PORT? "
            ".env.example lists all"
        ),
        "WHATEVER_ELSE in .env is not a setting; .env.example lists all",
    ]


def test_no_setting_of_today_is_deprecated() -> None:
    known = defaults().values.keys()
    assert not known & {*deprecations.RENAMED, *deprecations.REMOVED}
    assert set(deprecations.RENAMED.values()) <= known
