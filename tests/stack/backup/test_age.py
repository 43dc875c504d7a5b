"""How old the newest backup is: what `make backup` notes, and what node_exporter makes of it."""

import stat
import subprocess
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from stack.backup import age, configuration
from stack.backup.make import note_age
from stack.backup.manifest import FORMAT, Manifest, Proof, Versions
from stack.settings import Settings, load
from tests.stack.backends import until
from tests.support.paths import REPOSITORY


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A checkout with just what settings need."""
    return checkout(tmp_path / "checkout", "")


def checkout(root: Path, env: str) -> Settings:
    root.mkdir(exist_ok=True)
    (root / ".env.example").write_bytes((REPOSITORY / ".env.example").read_bytes())
    (root / ".env").write_text(env)
    return load(root, environ={})


def values(settings: Settings) -> dict[str, float]:
    """What is noted, by metric."""
    return {
        sample.name: sample.value
        for path in sorted((settings.root / age.FOLDER).glob("*.prom"))
        for family in text_string_to_metric_families(path.read_text())
        for sample in family.samples
    }


def test_the_newest_complete_backup_is_noted_for_everyone_to_read(settings: Settings) -> None:
    age.note(settings, ended_seconds=1_770_000_000.25, took_seconds=3.5, size_bytes=12_000_000_000)
    age.note_longest(settings)
    assert values(settings) == {
        "stack_backup_last_success_timestamp_seconds": 1_770_000_000.25,
        "stack_backup_duration_seconds": 3.5,
        "stack_backup_size_bytes": 12_000_000_000,
        "stack_backup_max_age_seconds": 8 * 86_400,
    }
    for path in (settings.root / age.FOLDER).iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_a_changed_setting_is_noted_without_a_backup(settings: Settings) -> None:
    age.note_longest(settings)
    age.note_longest(checkout(settings.root, "BACKUP_MAX_AGE_DAYS=1.5\n"))
    assert values(settings) == {"stack_backup_max_age_seconds": 1.5 * 86_400}
    age.note_longest(checkout(settings.root, "BACKUP_MAX_AGE_DAYS=0\n"))
    assert values(settings) == {}


def test_no_backup_has_it_so_a_restore_makes_none_look_new(settings: Settings) -> None:
    age.note(settings, ended_seconds=1.0, took_seconds=1.0, size_bytes=1)
    age.note_longest(settings)
    assert not [
        path
        for path in configuration.paths(settings.root, secrets=True)
        if str(path).startswith("node_exporter")
    ]


def test_a_backup_is_one_even_if_its_age_cannot_be_noted(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (settings.root / "node_exporter").write_text("not a folder")
    archive = tmp_path / "backup.tar.zst"
    archive.write_bytes(b"x")
    manifest = Manifest(
        format=FORMAT,
        mode="local",
        checkout=str(settings.root),
        begun_seconds=1.0,
        ended_seconds=2.0,
        holds_secrets=False,
        stores=[],
        versions=Versions("0", 1, {}),
        proof=Proof({}, 1.0, {}, {}, 0.0),
        files=[],
    )
    note_age(settings, manifest, archive)
    assert f"its age will not be shown: {age.FOLDER} cannot be written" in capsys.readouterr().out


def test_node_exporter_shows_it(
    settings: Settings, programs: Mapping[str, list[str]], free_port: Callable[[], int]
) -> None:
    age.note(settings, ended_seconds=1_770_000_000.25, took_seconds=3.5, size_bytes=12_000_000_000)
    age.note_longest(settings)
    port = free_port()
    command = [
        *programs["node_exporter"],
        "--collector.disable-defaults",
        "--collector.textfile",
        f"--collector.textfile.directory={settings.root / age.FOLDER}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            text, _ = until(lambda: _text(port), 60.0, "metrics of node_exporter")
        finally:
            process.terminate()
    shown = {
        sample.name: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name.startswith(("stack_backup_", "node_textfile_scrape_error"))
    }
    assert shown == {**values(settings), "node_textfile_scrape_error": 0.0}


def _text(port: int) -> str | None:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            return str(answer.read().decode())
    except OSError:
        return None
