"""The folder of the backups, and the checkout's files in them."""

import fcntl
import os
import shlex
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from stack.backup import configuration, folder
from stack.backup.configuration import Checkout
from stack.backup.lock import exclusive
from stack.program import _parser
from stack.settings import Settings, StackError, load
from tests.stack.checkouts import run_stack
from tests.support.paths import REPOSITORY

HOUR = 3600


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A checkout that never ran, with just what settings need."""
    root = tmp_path / "checkout"
    (root / "grafana/dashboards.d").mkdir(parents=True)
    (root / ".env.example").write_bytes((REPOSITORY / ".env.example").read_bytes())
    return load(root, environ={})


def test_only_the_oldest_of_this_checkout_are_pruned(settings: Settings, tmp_path: Path) -> None:
    own = [tmp_path / folder.name_at(settings, number * HOUR) for number in range(5)]
    others = [
        tmp_path / own[0].name.replace("strataregula-", "strataregula-0"),
        tmp_path / "strataregula-00000000-19700101T000000Z.tar.zst",
        tmp_path / f"copy of {own[0].name}",
        tmp_path / f"{own[0].name}.sha256",
    ]
    for path in (*own, *others):
        path.touch()
    assert len(list(folder.prune(tmp_path, settings, 2))) == 3
    assert {path for path in (*own, *others) if path.exists()} == {*own[3:], *others}


def test_what_a_killed_backup_left_is_removed_and_what_is_written_is_not(
    settings: Settings, tmp_path: Path
) -> None:
    left, written = (
        folder.part_of(tmp_path / folder.name_at(settings, number * HOUR)) for number in (1, 2)
    )
    left.write_bytes(b"x")
    with written.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        (line,) = folder.remove_leftovers(tmp_path)
    assert left.name in line
    assert not left.exists()
    assert written.exists()


@pytest.mark.parametrize(
    "to", [".local", ".local/exporter", "grafana/dashboards.d", "secrets/x", "link/backups"]
)
def test_backups_may_not_lie_in_what_is_backed_up_or_removed(settings: Settings, to: str) -> None:
    settings.state_dir.mkdir()
    (settings.root / "link").symlink_to(".local")
    with pytest.raises(StackError, match="name another folder"):
        folder.prepare(settings, to)


def test_a_folder_that_cannot_be_written_is_named(equipped: Path) -> None:
    done = run_stack(equipped, "backup", "--to", "/proc/backups")
    assert done.returncode == 1
    assert "/proc/backups" in done.stderr
    assert "Traceback" not in done.stderr


def test_two_at_once_are_refused(settings: Settings) -> None:
    with exclusive(settings), pytest.raises(StackError, match="is running"), exclusive(settings):
        pass
    with exclusive(settings):
        pass


def test_the_lock_of_a_killed_one_is_free(settings: Settings) -> None:
    program = (
        "import os, signal; from pathlib import Path; from stack.backup.lock import exclusive\n"
        "from stack.settings import load\n"
        f"with exclusive(load(Path({str(settings.root)!r}), environ={{}})):\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, check=False)
    assert done.returncode == -9
    with exclusive(settings):
        pass


def test_a_checkout_that_stored_nothing_has_nothing_to_back_up(equipped: Path) -> None:
    done = run_stack(equipped, "backup")
    assert done.returncode == 1
    assert "there is nothing to back up yet" in done.stderr


FILES = {
    ".env": (b"MODE=compose\nEXPORTER_PORT=18000\n", 0o600),
    "exporter/benchmark_exporter/config.yaml": (b"theirs", 0o644),
    "grafana/dashboards.d/own.json": (b"{}", 0o644),
    "secrets/slack_webhook_url": (b"https://example.org", 0o640),
}


def test_a_checkout_without_settings_gets_those_of_the_backup(settings: Settings) -> None:
    checkout = Checkout(settings)
    assert checkout.stage(FILES, same_version=True) == []
    assert checkout.settings()["EXPORTER_PORT"] == "18000"
    checkout.swap()
    for path, (data, mode) in FILES.items():
        assert (settings.root / path).read_bytes() == data
        assert stat.S_IMODE((settings.root / path).stat().st_mode) == mode
    checkout.undo()
    assert not any((settings.root / path).exists() for path in FILES)


def test_settings_that_are_there_and_another_versions_configuration_stay(
    settings: Settings,
) -> None:
    for path in (".env", "exporter/benchmark_exporter/config.yaml"):
        (settings.root / path).parent.mkdir(parents=True, exist_ok=True)
        (settings.root / path).write_bytes(b"")
    checkout = Checkout(settings)
    kept = checkout.stage(FILES, same_version=False)
    assert kept == [".env", "exporter/benchmark_exporter/config.yaml"]
    checkout.swap()
    for path in kept:
        assert (settings.root / path).read_bytes() == b""
        assert (settings.root / checkout.aside(path)).read_bytes() == FILES[path][0]


def test_an_interrupted_swap_of_the_checkouts_files_goes_on_or_back(settings: Settings) -> None:
    (settings.root / "grafana/dashboards.d/own.json").write_bytes(b"before")
    checkout = Checkout(settings)
    checkout.stage(FILES, same_version=True)
    checkout.swap()
    (settings.root / "grafana/dashboards.d/own.json").write_bytes(b"half")
    checkout.swap()
    assert (settings.root / "grafana/dashboards.d/own.json").read_bytes() == b"{}"
    checkout.undo()
    assert (settings.root / "grafana/dashboards.d/own.json").read_bytes() == b"before"


def test_the_mode_of_the_restored_settings_is_that_of_the_restore() -> None:
    env = configuration.with_mode(b"# MODE=x\nMODE=compose\nPORT=1\n", "local")
    assert env == b"# MODE=x\nMODE=local\nPORT=1\n"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["backup"], {"to": "", "keep": 0, "secrets": False}),
        (
            ["backup", "TO=/mnt/a b", "KEEP=7", "SECRETS=yes"],
            {"to": "/mnt/a b", "keep": 7, "secrets": True},
        ),
        (["restore", "FROM=x"], {"source": "x", "yes": False, "without": ""}),
        (
            ["restore", "FROM=x", "YES=1", "WITHOUT=prometheus grafana"],
            {"source": "x", "yes": True, "without": "prometheus grafana"},
        ),
        (["restore-clean"], {}),
    ],
)
def test_the_makefile_says_what_it_is_asked(words: list[str], expected: dict[str, object]) -> None:
    # As if the requirements were installed, whatever the time of their files.
    command = ["make", "--dry-run", "--no-print-directory", "--assume-old=.venv/run", *words]
    # Of a make that runs the tests, it would take over options.
    environment = {name: value for name, value in os.environ.items() if "MAKE" not in name}
    done = subprocess.run(
        command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=True
    )
    _, _, said = done.stdout.replace("\\\n", " ").partition("-m stack ")
    options = vars(_parser().parse_args(shlex.split(said)))
    del options["command"], options["starts"]
    assert options == expected


def test_stores_that_are_none_are_refused(equipped: Path) -> None:
    done = run_stack(equipped, "restore", "--from", "x", "--without", "prometheus results")
    assert done.returncode == 1
    assert "not 'results'" in done.stderr
