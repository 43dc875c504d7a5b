"""A restore that is killed, or whose stack does not prove itself: it goes on, or back."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from stack.backup import journal, proof, restore
from stack.settings import StackError
from tests.stack.backup import drilled as drills
from tests.stack.backup.drilled import Drilled
from tests.stack.backup.test_drill import drop
from tests.stack.checkouts import environment_without_settings

BACKED_UP, LATER = 3, 2


@pytest.fixture(scope="module")
def drilled(
    tmp_path_factory: pytest.TempPathFactory,
    programs: Mapping[str, list[str]],
    free_port: Callable[[], int],
) -> Iterator[Drilled]:
    """A stack with more runs than its backup has, and no files of them any more."""
    assert programs
    with drills.local(tmp_path_factory.mktemp("interrupted") / "checkout", free_port) as found:
        found.run("up")
        for number in range(BACKED_UP):
            drop(found, number)
        found.until_ingested(BACKED_UP)
        found.run("backup", "--to", str(found.root.parent / "backups"))
        for path in found.settings.results_dir.glob("*.json"):
            path.unlink()
        for number in range(BACKED_UP, BACKED_UP + LATER):
            drop(found, number)
        found.until_ingested(BACKED_UP + LATER)
        for path in found.settings.results_dir.glob("*.json"):
            path.unlink()
        yield found


def archive(drilled: Drilled) -> Path:
    (found,) = (drilled.root.parent / "backups").iterdir()
    return found


def run_ids(drilled: Drilled) -> set[str]:
    return {run["run_id"] for run in drilled.history()}


def ids(count: int) -> set[str]:
    return {f"drill-{number:05}" for number in range(count)}


def test_a_stack_that_does_not_prove_itself_gives_way_to_what_was_there(
    drilled: Drilled, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing_is_right(*_: object) -> Iterator[str]:
        raise StackError("prometheus: 1 series, not 2")
        yield

    monkeypatch.setattr(proof, "check", nothing_is_right)
    with pytest.raises(StackError, match="what was there before is back"):
        restore.restore(drilled.settings, str(archive(drilled)), yes=True)
    assert run_ids(drilled) == ids(BACKED_UP + LATER)
    assert journal.read(drilled.settings) is None
    assert not list(drilled.settings.state_dir.rglob(".restore-*"))


def test_a_broken_archive_changes_nothing(drilled: Drilled, tmp_path: Path) -> None:
    data = archive(drilled).read_bytes()
    broken = tmp_path / "broken.tar.zst"
    broken.write_bytes(data[:-10])
    before = {path: path.stat().st_ino for path in drilled.settings.state_dir.rglob("ledger*")}
    assert "broken or cut off" in drilled.refused("restore", "--from", str(broken), "--yes")
    after = {path: path.stat().st_ino for path in drilled.settings.state_dir.rglob("ledger*")}
    assert before == after
    assert journal.read(drilled.settings) is None


def test_nobody_who_did_not_agree_loses_anything(drilled: Drilled) -> None:
    reason = drilled.refused("restore", "--from", str(archive(drilled)))
    assert "nothing was changed" in reason
    assert run_ids(drilled) == ids(BACKED_UP + LATER)


def test_a_restore_that_was_killed_is_completed_by_up(drilled: Drilled) -> None:
    killed_is_completed_or_undone(drilled, "swapping")


def test_what_was_there_is_kept_until_restore_clean(drilled: Drilled) -> None:
    if journal.read(drilled.settings) is None:  # the restore ended before it could be killed
        drilled.run("restore", "--from", str(archive(drilled)), "--yes")
    assert list(drilled.settings.state_dir.rglob(".restore-old"))
    drilled.run("restore-clean")
    assert not list(drilled.settings.state_dir.rglob(".restore-*"))
    assert "there is nothing" in drilled.refused("restore-clean")
    assert run_ids(drilled) == ids(BACKED_UP)


@pytest.mark.skipif(
    os.environ.get("DRILL") != "all", reason="takes a minute; `make drill` kills at each step"
)
@pytest.mark.parametrize("step", ["unpacking", "swapping", "proving"])
def test_a_restore_that_was_killed_at_any_step_is_completed_or_undone(
    drilled: Drilled, step: str
) -> None:
    killed_is_completed_or_undone(drilled, step)


def killed_is_completed_or_undone(drilled: Drilled, step: str) -> None:
    """Kill a restore at a step, and check what the next `up` makes of it."""
    before = run_ids(drilled)
    killed_at = kill_restore(drilled, step)
    if killed_at == "":  # between two steps, before the first or after the last
        return
    # Nothing else may come in between.
    assert f"was interrupted while {killed_at}" in drilled.refused("backup")
    said = drilled.run("up")
    assert f"was interrupted while {killed_at}" in said
    if killed_at == "unpacking":
        assert "it had replaced nothing" in said
        assert run_ids(drilled) == before
        assert not list(drilled.settings.state_dir.rglob(".restore-new"))
    else:
        assert "compared with the backup" in said
        assert run_ids(drilled) == ids(BACKED_UP)
    assert not journal.is_unfinished(drilled.settings)


def kill_restore(drilled: Drilled, step: str) -> str:
    """Kill a restore once it is at a step; gives the step at which it was when it had gone."""
    path = drilled.settings.state_dir / journal.FOLDER / journal.NAME
    path.unlink(missing_ok=True)
    with subprocess.Popen(
        [sys.executable, "-m", "stack", "restore", "--from", str(archive(drilled)), "--yes"],
        cwd=drilled.root,
        env=environment_without_settings(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        while process.poll() is None:
            if path.exists() and json.loads(path.read_bytes())["step"] == step:
                process.send_signal(signal.SIGKILL)
                break
            time.sleep(0.0005)
    noted = journal.read(drilled.settings)
    return "" if noted is None or noted.step == journal.PROVEN else noted.step
