"""`make restore`: put a backup in the place of what a stack has stored, and let it prove itself.

Everything is checked and unpacked before anything is replaced. What was there is kept until the
stack has started and shows what the manifest says; if it does not, it is put back. journal.py says
what is noted meanwhile, so that a restore that was killed can be completed or undone.
"""

import sys
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from benchmark_exporter import __version__
from stack import commands, record
from stack.backup import configuration, journal, proof
from stack.backup.access import Access, Stack, program_versions
from stack.backup.archive import Verified, verify
from stack.backup.configuration import Checkout
from stack.backup.journal import PROVEN, PROVING, SWAPPING, UNDOING, UNPACKING, Journal
from stack.backup.layout import STORES
from stack.backup.lock import exclusive
from stack.backup.manifest import Manifest, refuse_newer, refuse_newer_prometheus
from stack.backup.progress import Progress
from stack.backup.unpacking import check_room, unpack
from stack.commands import say
from stack.compose import ComposeStack
from stack.local import LocalStack
from stack.parts import like
from stack.prepare import prepare
from stack.settings import Settings, StackError, load


@dataclass(frozen=True, slots=True)
class Restore:
    """A restore that is on its way, with what is needed to go on or back."""

    settings: Settings
    stack: Stack
    journal: Journal

    @property
    def access(self) -> Access:
        """Where the data is."""
        return Access(self.settings, self.stack)

    @property
    def checkout(self) -> Checkout:
        """The files of the checkout that are replaced."""
        return Checkout(self.settings)

    def at(self, step: str) -> "Restore":
        """Note a step."""
        noted = msgspec.structs.replace(self.journal, step=step)
        journal.write(self.settings, noted)
        return replace(self, journal=noted)


def restore(settings: Settings, source: str, *, yes: bool, without: Collection[str] = ()) -> None:
    """Restore a backup, after asking; `without` are stores that stay as they are.

    Raises:
        StackError: it is broken or not for this stack, nobody agreed, or the restored stack does
            not show what the backup had. What was there before is there again.
        OSError: this machine's disk fails.
    """
    archive = (settings.root / Path(source).expanduser()).resolve()
    if unknown := set(without) - set(STORES):
        raise StackError(f"WITHOUT must name some of {', '.join(STORES)}, not '{min(unknown)}'")
    if not source or not archive.is_file():
        raise StackError(f"name a backup: make restore FROM=FILE; '{source}' is not a file")
    with exclusive(settings):
        if recover(settings) == str(archive):
            return
        started = time.monotonic()
        checking = Progress("checking")
        verified = verify(archive, checking.add)
        checking.end()
        refuse_newer(verified.manifest)
        print(_described(archive, verified.manifest))
        begun = _prepare(settings, archive, verified, without)
        if not yes:
            _ask(begun)
        if (earlier := journal.read(begun.settings)) is not None:
            _drop_unpacked(_of(begun.settings, earlier))
        journal.begin(begun.settings, begun.journal, verified.manifest)
        try:
            _unpack(begun, verified)
        except BaseException:
            _drop_unpacked(begun)
            raise
        _replace(begun, verified.manifest)
        print(f"\nrestored and proven, {time.monotonic() - started:.1f} s after the start")
        _print_kept(begun)


def up(settings: Settings) -> None:
    """Start the stack; a restore that was interrupted is completed or undone first.

    Raises:
        StackError: as `commands.up` does; or a restore runs.
    """
    if journal.is_unfinished(settings):
        with exclusive(settings):
            recover(settings)
        settings = load(settings.root)
    commands.up(settings)


def recover(settings: Settings) -> str:
    """Complete or undo a restore that was interrupted; gives its archive if it was completed.

    Raises:
        StackError: the restored stack does not prove itself; what was there before is back.
    """
    noted = journal.read(settings)
    if noted is None or noted.step == PROVEN:
        return ""
    print(f"a restore of {noted.archive} was interrupted while {noted.step}")
    interrupted = _of(settings, noted)
    if noted.step == UNPACKING:
        _drop_unpacked(interrupted)
        print("  it had replaced nothing; what it had unpacked is removed")
        return ""
    if noted.step == UNDOING:
        _undo(interrupted)
        print("  what was there before it is back")
        return ""
    print("  it goes on")
    _replace(interrupted, journal.read_manifest(settings))
    _print_kept(interrupted)
    return noted.archive


def forget(settings: Settings) -> None:
    """Remove what the newest restore has kept of before.

    Raises:
        StackError: there is nothing, or a restore was interrupted.
    """
    with exclusive(settings):
        journal.refuse_unfinished(settings)
        noted = journal.read(settings)
        if noted is None:
            raise StackError("there is nothing that a restore has kept")
        _drop_unpacked(_of(settings, noted))
    print("removed what was there before the restore")


def _of(settings: Settings, noted: Journal) -> Restore:
    """The restore of a journal, with the settings that it began with."""
    settings = Checkout(settings).settings()
    is_compose = noted.mode == ComposeStack.mode
    stack = ComposeStack(settings) if is_compose else LocalStack(settings)
    return Restore(settings, stack, noted)


def _prepare(
    settings: Settings, archive: Path, verified: Verified, without: Collection[str]
) -> Restore:
    """Check that the stack can start, and has what the backup needs."""
    env = verified.checkout.get(configuration.ENV)
    if env is not None and not (settings.root / configuration.ENV).exists():
        settings = configuration.settings_of(settings.root, env[0])
    was_running = bool(record.read(settings).get("mode"))
    stack = commands.fetched(settings)
    programs = program_versions(settings, stack)
    if "prometheus" not in without:
        refuse_newer_prometheus(verified.manifest, programs.get("prometheus", ""))
    access = Access(settings, stack)
    access.make()
    there = [one for one in verified.manifest.stores if one not in without]
    stores = [one for one in access.restorable() if one in there]
    check_room(access, verified.manifest, stores)
    for store in set(there) - set(stores):
        print(f"  this stack has no {store}; what the backup has of it is left out")
    noted = Journal(UNPACKING, str(archive), stack.mode, stores, was_running)
    return Restore(settings, stack, noted)


def _unpack(begun: Restore, verified: Verified) -> None:
    """Unpack everything next to what is there, and compare the databases with the manifest."""
    manifest, stores = verified.manifest, begun.journal.stores
    unpacking = Progress("unpacking", manifest.size_bytes)
    archive = Path(begun.journal.archive)
    databases = unpack(begun.access, archive, manifest, stores, unpacking.add)
    unpacking.end()
    say(proof.check_databases(manifest.proof.databases, databases))
    kept = begun.checkout.stage(
        _files(begun, verified.checkout), same_version=manifest.versions.project == __version__
    )
    for path in kept:
        aside = begun.checkout.aside(path)
        print(f"  {path} stays as it is; the backup's is {aside}")
    for path in begun.checkout.replaced():
        print(f"  {path} is replaced")


def _files(
    begun: Restore, checkout: Mapping[str, tuple[bytes, int]]
) -> Mapping[str, tuple[bytes, int]]:
    """The checkout's files, with the mode that is restored into in .env."""
    if configuration.ENV not in checkout:
        return checkout
    data, mode = checkout[configuration.ENV]
    env = configuration.with_mode(data, begun.stack.mode)
    return {**checkout, configuration.ENV: (env, mode)}


def _replace(begun: Restore, manifest: Manifest) -> None:
    """Put what was unpacked into place, start the stack, and compare it with the backup.

    Raises:
        StackError: that fails; what was there before is back.
    """
    try:
        begun = begun.at(SWAPPING)
        print("stopping the stack")
        say(begun.stack.down())
        record.remove(begun.settings)
        begun.access.place("swap", begun.journal.stores)
        begun.checkout.swap()
        begun = begun.at(PROVING)
        say(prepare(begun.settings))
        commands.start(begun.stack, begun.settings)
        print("\ncompared with the backup:")
        say(proof.check(begun.settings, begun.stack, manifest, begun.journal.stores))
    except (StackError, OSError) as error:
        print(f"\nthe restore failed: {error}", file=sys.stderr)
        print("what was there before is put back", file=sys.stderr)
        _undo(begun)
        raise StackError("the restore failed, and what was there before is back") from error
    begun.at(PROVEN)


def _undo(begun: Restore) -> None:
    begun = begun.at(UNDOING)
    say(begun.stack.down())
    record.remove(begun.settings)
    begun.access.place("undo", begun.journal.stores)
    begun.checkout.undo()
    journal.remove(begun.settings)
    if begun.journal.was_running:
        commands.up(like(load(begun.settings.root), begun.settings))


def _drop_unpacked(begun: Restore) -> None:
    begun.access.place("discard", begun.journal.stores)
    begun.checkout.discard()
    journal.remove(begun.settings)


def _print_kept(begun: Restore) -> None:
    kept = begun.access.place("keep", begun.journal.stores) or 0
    kept += begun.checkout.kept_bytes()
    if kept:
        print(
            f"what was there before is kept, {kept / 1e6:.1f} MB; `make restore-clean` removes it"
        )
    else:
        _drop_unpacked(begun)


def _described(archive: Path, manifest: Manifest) -> str:
    moment = datetime.fromtimestamp(manifest.begun_seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    where = "containers" if manifest.mode == ComposeStack.mode else "processes"
    return (
        f"{archive.name}: whole, of {moment}, version {manifest.versions.project}, {where}, "
        f"{manifest.size_bytes / 1e6:.1f} MB"
    )


def _ask(begun: Restore) -> None:
    """Say what is replaced, and ask.

    Raises:
        StackError: nobody agreed.
    """
    stored = begun.stack.stored()
    print(f"this replaces what {', '.join(begun.journal.stores)} have stored here:")
    say(stored or ["nothing is there"])
    print("It is kept until the restored stack has shown what the backup has, and then until")
    print("`make restore-clean`. What an earlier restore has kept is removed.")
    if not sys.stdin.isatty():
        raise StackError("nothing was changed; confirm it with: make restore FROM=… YES=1")
    if input("Restore? [y/N] ").lower() != "y":
        raise StackError("nothing was changed")
