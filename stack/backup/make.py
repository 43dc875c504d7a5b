"""`make backup`: everything that a stack has stored, while it runs, as one file."""

import json
import os
import shutil
import subprocess
import tarfile
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from benchmark_exporter import __version__
from benchmark_exporter.ledger.schema import MIGRATIONS
from stack import long_term
from stack.backup import age, configuration, folder, journal, proof
from stack.backup import silences as silences_file
from stack.backup.access import COLLECT, Access, Stack
from stack.backup.archive import Writer, writing
from stack.backup.layout import (
    BUFFER_BYTES,
    CHECKOUT,
    COLLECTED,
    DATA,
    PLAN,
    SILENCES,
    member,
    mtime_ns_of,
    tar_stream,
)
from stack.backup.lock import exclusive
from stack.backup.manifest import FORMAT, Manifest, Proof, Versions
from stack.backup.progress import Progress
from stack.backup.reach import ask_json
from stack.commands import current, say
from stack.local import LocalStack
from stack.settings import (
    ALERTMANAGER,
    EXPORTER,
    GRAFANA,
    PROMETHEUS,
    Part,
    Settings,
    StackError,
)

# Beyond what is copied: names, the manifest, and a little air.
SPARE_BYTES = 16_000_000
NOTHING = "there is nothing to back up yet; `make up` starts the stack"
SILENCES_MEMBER = f"{DATA}/alertmanager/{SILENCES}"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the running parts said before anything was copied."""

    at_seconds: float
    prometheus: dict[str, float]
    silences: list[Mapping[str, Any]]
    totals: dict[str, float]
    programs: dict[str, str]


def backup(settings: Settings, to: str, keep: int, *, secrets: bool) -> Path:
    """Write a backup into a folder, prune older ones to `keep` (0: none), and say where it is.

    Raises:
        StackError: there is nothing to back up, no room, or something cannot be copied.
        OSError: the folder cannot be written to.
    """
    stack = _stack_with_data(settings)
    target = folder.prepare(settings, to)
    with exclusive(settings):
        journal.refuse_unfinished(settings)
        say(folder.remove_leftovers(target))
        began = time.time()
        path = target / folder.name_at(settings, began)
        if path.exists():
            raise StackError(f"{path} exists: it was made in this second; run it again")
        manifest = _write(settings, stack, path, began, secrets=secrets)
        note_age(settings, manifest, path)
        if keep:
            say(folder.prune(target, settings, keep))
    _print_result(path, manifest, is_long_term=long_term.is_on(settings))
    return path


def note_age(settings: Settings, manifest: Manifest, path: Path) -> None:
    """Have its age shown. The backup is complete, so a failure is only reported."""
    try:
        age.note_longest(settings)
        age.note(
            settings,
            ended_seconds=manifest.ended_seconds,
            took_seconds=manifest.ended_seconds - manifest.begun_seconds,
            size_bytes=path.stat().st_size,
        )
    except OSError as error:
        print(f"  its age will not be shown: {age.FOLDER} cannot be written to ({error.strerror})")


def _stack_with_data(settings: Settings) -> Stack:
    """The stack of this checkout; of two that may start here, the one that has stored something."""
    stack = current(settings)
    if "exporter" not in Access(settings, stack).stored() and not settings["MODE"]:
        return LocalStack(settings)
    return stack


def _write(
    settings: Settings, stack: Stack, path: Path, began: float, *, secrets: bool
) -> Manifest:
    access = Access(settings, stack)
    stores = access.stored()
    if "exporter" not in stores:
        raise StackError(NOTHING)
    asked = _ask(settings, stack)
    progress = Progress("reading")
    with writing(folder.part_of(path), path, progress.add) as archive:
        words = ["--staging", str(path.parent)] if stack.mode == "local" else []
        states = stack.states()
        is_running = "running" in (states.get(store) for store in ("prometheus", "prometheus_b"))
        words += [] if is_running else ["--stopped"]
        with access.start(COLLECT, words, stores, stdout=subprocess.PIPE) as collector:
            try:
                databases = _receive(collector, archive, asked, progress, path.parent)
            except BaseException:
                collector.kill()
                raise
        for name in configuration.paths(settings.root, secrets=secrets):
            status = (settings.root / name).stat()
            archive.add_bytes(
                f"{CHECKOUT}/{name}",
                (settings.root / name).read_bytes(),
                mtime_ns=status.st_mtime_ns,
                mode=status.st_mode & 0o777,
            )
        manifest = Manifest(
            format=FORMAT,
            mode=stack.mode,
            checkout=str(settings.root),
            begun_seconds=began,
            ended_seconds=time.time(),
            holds_secrets=secrets,
            stores=stores,
            versions=Versions(__version__, len(MIGRATIONS), asked.programs),
            proof=Proof(
                databases=databases,
                at_seconds=asked.at_seconds,
                prometheus=asked.prometheus,
                silences=proof.not_over(asked.silences),
                files_ingested=asked.totals.get("files_ingested", 0.0),
            ),
            files=archive.files,
        )
        archive.finish(manifest)
    progress.end()
    return manifest


def _receive(
    collector: subprocess.Popen[bytes],
    archive: Writer,
    asked: Asked,
    progress: Progress,
    target: Path,
) -> dict[str, dict[str, Any]]:
    """Put what the collector sends into the archive; gives what the databases hold.

    Raises:
        StackError: it fails, or there is no room.
    """
    assert collector.stdout is not None  # noqa: S101  # it is piped
    errors = _Errors(collector.stderr)
    collected: dict[str, dict[str, Any]] | None = None
    silences = silences_file.encode(asked.silences)
    has_silences = False
    try:
        with tar_stream(collector.stdout, "r|") as stream:
            for info in stream:
                file = stream.extractfile(info)
                assert file is not None  # noqa: S101  # the collector sends only files
                if info.name == PLAN:
                    progress.total_bytes = json.load(file)["bytes"]
                    _check_room(target, progress.total_bytes)
                elif info.name == COLLECTED:
                    collected = json.load(file)
                elif info.name == SILENCES_MEMBER:
                    has_silences = True
                    archive.add_bytes(
                        info.name,
                        file.read() + silences,
                        mtime_ns=mtime_ns_of(info),
                        mode=info.mode,
                    )
                else:
                    sent = member(info.name, info.size, mtime_ns_of(info), info.mode)
                    archive.add(sent, file)
        while collector.stdout.read(BUFFER_BYTES):
            pass
    except tarfile.TarError as error:
        raise StackError(f"the backup failed: {errors.text() or error}") from error
    assert collector.stdin is not None  # noqa: S101  # it is piped
    with suppress(OSError):
        collector.stdin.close()
    if collector.wait() or collected is None:
        raise StackError(f"the backup failed: {errors.text()}")
    if "exporter" not in collected:
        raise StackError(NOTHING)
    if silences and not has_silences:
        archive.add_bytes(SILENCES_MEMBER, silences, mtime_ns=time.time_ns())
    return collected


class _Errors:
    """What a collector writes to its standard error, read as it comes."""

    def __init__(self, file: IO[bytes] | None) -> None:
        self._lines: list[str] = []
        self._thread = threading.Thread(target=self._read, args=(file,), daemon=True)
        self._thread.start()

    def _read(self, file: IO[bytes]) -> None:
        shown = Progress("")
        for line in file:
            words = line.decode(errors="replace").split()
            if words[:1] == ["progress"] and len(words) == 4:
                shown.what, shown.total_bytes = f"copying {words[1]}", int(words[3])
                shown.add(int(words[2]) - shown.done_bytes)
            else:
                self._lines.append(line.decode(errors="replace").rstrip())

    def text(self) -> str:
        """All that was said, once the process has ended."""
        self._thread.join(timeout=5.0)
        return "\n".join(self._lines)


def _ask(settings: Settings, stack: Stack) -> Asked:
    """Ask the parts that run; one that does not answer is left out, and that is said."""
    asked = Asked(time.time() - proof.SETTLED_SECONDS, {}, [], {}, {})
    for part in (EXPORTER, PROMETHEUS, ALERTMANAGER, GRAFANA):
        state = stack.states().get(part.name)
        if state is None:  # this stack has no such part
            continue
        try:
            if state != "running":
                raise OSError(state)
            _ask_part(part, settings, asked)
        except OSError as error:
            print(f"  {part.name} does not answer ({error}); it is backed up as it is on the disk")
    return asked


def _ask_part(part: Part, settings: Settings, asked: Asked) -> None:
    if part is EXPORTER:
        asked.totals["files_ingested"] = proof.files_ingested(settings)
    elif part is PROMETHEUS:
        build = ask_json(part, settings, "/api/v1/status/buildinfo")["data"]
        asked.programs[part.name] = build["version"]
        asked.prometheus.update(proof.prometheus(settings, asked.at_seconds))
    elif part is ALERTMANAGER:
        status = ask_json(part, settings, "/api/v2/status")
        asked.programs[part.name] = status["versionInfo"]["version"]
        asked.silences.extend(proof.silences(settings))
    else:
        asked.programs[part.name] = ask_json(part, settings, "/api/health").get("version", "")


def _check_room(target: Path, size_bytes: int) -> None:
    needed, free = size_bytes + SPARE_BYTES, shutil.disk_usage(target).free
    if free < needed:
        raise StackError(
            f"{target}: the backup may need {needed / 1e6:.0f} MB, and {free / 1e6:.0f} MB are "
            "free; make room, or name another folder with TO="
        )


def _print_result(path: Path, manifest: Manifest, *, is_long_term: bool) -> None:
    size = path.stat().st_size
    seconds = manifest.ended_seconds - manifest.begun_seconds
    for store in manifest.stores:
        print(f"  {store:<14} {manifest.store_bytes(store) / 1e6:8.1f} MB")
    shown = os.path.relpath(path)
    print(
        f"\nwrote {shown}: {size / 1e6:.1f} MB of {manifest.size_bytes / 1e6:.1f}, {seconds:.1f} s"
    )
    if not manifest.holds_secrets:
        print("it has none of secrets/; SECRETS=yes adds them")
    if is_long_term:
        print("it has nothing of the long-term store; docs/backup.md says how to back that up")
    print(f"to restore it: make restore FROM={shown}")
