"""`python -m stack.backup.collect`: what a stack has stored, as a tar stream on standard output.

Runs where the data is; standard library only. The first member is plan.json, with the bytes that
follow; the last is collected.json, with what the databases hold. Progress goes to standard error,
on lines that begin with `progress `; any other line says what is wrong.
"""

import argparse
import io
import json
import os
import resource
import shutil
import sys
import tarfile
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from stack.backup import sqlite_copy, tsdb
from stack.backup.layout import (
    COLLECTED,
    DATA,
    GRAFANA_DATABASE,
    LEDGER,
    NOTIFICATION_LOG,
    PLAN,
    SILENCES,
    STORES,
    UNFINISHED,
    UPLOADS,
    CollectError,
    Held,
    files_below,
    hold,
    member,
    tar_stream,
)

# Of Grafana's folder: what it can make again.
GRAFANA_LEAVES = ("csv", "pdf", "png", "log", "logs")


def main() -> int:
    """Write the stream; 1 if something cannot be collected, with the reason on standard error."""
    options = _parser().parse_args()
    roots = {name: Path(root) for name, _, root in (one.partition("=") for one in options.stores)}
    end_with_standard_input()
    _raise_descriptor_limit()
    try:
        with tempfile.TemporaryDirectory(prefix=".backup-", dir=options.staging) as staging:
            with tar_stream(sys.stdout.buffer, "w|") as stream:
                _collect(roots, Path(staging), stream, runs=not options.stopped)
            sys.stdout.buffer.flush()
    except (CollectError, OSError) as error:
        print(_reason(error), file=sys.stderr)
        return 1
    return 0


def end_with_standard_input() -> None:
    """End this process once standard input ends: whoever started it has gone."""

    def wait() -> None:
        while os.read(0, 65_536):
            pass
        os._exit(3)

    threading.Thread(target=wait, daemon=True).start()


def _collect(
    roots: Mapping[str, Path], staging: Path, stream: tarfile.TarFile, *, runs: bool
) -> None:
    known: dict[str, Any] = {}
    held: list[tuple[str, Held]] = []
    for store in STORES:
        if store not in roots or not roots[store].is_dir():
            continue
        root = roots[store]
        database = {"exporter": LEDGER, "grafana": GRAFANA_DATABASE}.get(store)
        if store.startswith("alertmanager"):
            held += [(store, one) for one in _alertmanager(root)]
        elif store.startswith("prometheus"):
            held += [(store, one) for one in tsdb.hold_all(root, runs=runs)]
        elif database is not None and (root / database).is_file():
            known[store] = _copy(root / database, staging / store)
            if (one := hold(staging / store, database)) is not None:
                held.append((store, one))
    others = [
        (store, path)
        for store, root in roots.items()
        if root.is_dir()
        for path in _others(store, root)
    ]
    planned = sum(one.size_bytes for _, one in held)
    planned += sum(_size(roots[store] / path) for store, path in others)
    _add_document(stream, PLAN, {"bytes": planned, "files": len(held) + len(others)})
    for store, one in held:
        _add(stream, store, one)
    for store, path in others:
        try:
            found = hold(roots[store], path)
        except FileNotFoundError:  # an upload that was deleted or pruned meanwhile
            continue
        if found is not None:
            _add(stream, store, found)
    _add_document(stream, COLLECTED, known)


def _alertmanager(root: Path) -> Iterator[Held]:
    for name in (SILENCES, NOTIFICATION_LOG):
        if (root / name).is_file() and (one := hold(root, name)) is not None:
            yield one


def _copy(database: Path, folder: Path) -> Mapping[str, Any]:
    """Copy a database into a folder, and give what it holds."""
    folder.mkdir()
    size = sum(_size(database.with_name(database.name + suffix)) for suffix in ("", "-wal"))
    free = shutil.disk_usage(folder).free
    if free < size:
        raise CollectError(
            f"a copy of {database.name} needs {size / 1e6:.0f} MB in {folder.parent.parent}, where "
            f"{free / 1e6:.0f} MB are free; make room and run it again"
        )

    def progress(done: int, total: int) -> None:
        print(f"progress {database.name} {done * size // max(total, 1)} {size}", file=sys.stderr)

    target = folder / database.name
    sqlite_copy.copy(database, target, progress)
    target.chmod(database.stat().st_mode & 0o777)
    known = sqlite_copy.facts(target)
    for suffix in ("-wal", "-shm"):
        target.with_name(target.name + suffix).unlink(missing_ok=True)
    return known


def _others(store: str, root: Path) -> Iterator[str]:
    """Files that are small, or that nobody writes twice: they are read one by one."""
    if store == "exporter" and (root / UPLOADS).is_dir():
        for path in files_below(root, UPLOADS):
            if not UNFINISHED.fullmatch(Path(path).name):
                yield path
    elif store == "grafana":
        for path in files_below(root):
            first = Path(path).parts[0]
            if not first.startswith((GRAFANA_DATABASE, ".restore-")) and (
                first not in GRAFANA_LEAVES
            ):
                yield path


def _add(stream: tarfile.TarFile, store: str, held: Held) -> None:
    name = f"{DATA}/{store}/{held.path}"
    info = member(name, held.size_bytes, held.mtime_ns, held.mode)
    with os.fdopen(held.descriptor, "rb", buffering=0) as file:
        # Raises OSError where the file has become shorter than it was.
        stream.addfile(info, file)


def _add_document(stream: tarfile.TarFile, name: str, content: Mapping[str, Any]) -> None:
    data = json.dumps(content).encode()
    info = tarfile.TarInfo(name)
    info.size = len(data)
    stream.addfile(info, io.BytesIO(data))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _raise_descriptor_limit() -> None:
    """Allow as many open files as there may be: a block has four or more."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or 'the stack'}: {error.strerror}"
    return str(error)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="collect", description=__doc__)
    parser.add_argument("stores", nargs="+", metavar="STORE=FOLDER")
    parser.add_argument("--staging", metavar="FOLDER", help="where databases are copied to first")
    parser.add_argument("--stopped", action="store_true", help="Prometheus does not run")
    return parser


if __name__ == "__main__":
    sys.exit(main())
