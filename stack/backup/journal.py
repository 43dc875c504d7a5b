"""How far a restore has come: `.local/restore/`, with a journal that is replaced at each step.

unpacking  nothing has been replaced
swapping   the stack is stopped, and what it had stored is being replaced
proving    everything is replaced; the stack starts, and is compared with the backup
undoing    what was there before is being put back
proven     the restore is done; what was there before is still kept
"""

import shutil

import msgspec

from benchmark_exporter.atomic_write import write_file
from stack.backup import manifest as manifests
from stack.backup.manifest import Manifest
from stack.settings import Settings, StackError

FOLDER, NAME, MANIFEST = "restore", "journal.json", "manifest.json"
UNPACKING, SWAPPING, PROVING = "unpacking", "swapping", "proving"
UNDOING, PROVEN = "undoing", "proven"


class Journal(msgspec.Struct, frozen=True):
    """A restore: its step, the archive's path, the stack's mode, the stores that are replaced.

    `was_running` is whether the stack ran before.
    """

    step: str
    archive: str
    mode: str
    stores: list[str]
    was_running: bool


def begin(settings: Settings, journal: Journal, manifest: Manifest) -> None:
    """Note a restore that begins, with what its archive says of itself.

    Raises:
        OSError: it cannot be written.
    """
    folder = settings.state_dir / FOLDER
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
    write_file(folder / MANIFEST, manifests.encode(manifest))
    write(settings, journal)


def write(settings: Settings, journal: Journal) -> None:
    """Note a step, so that it survives a power cut.

    Raises:
        OSError: it cannot be written.
    """
    write_file(settings.state_dir / FOLDER / NAME, msgspec.json.encode(journal))


def read(settings: Settings) -> Journal | None:
    """The newest restore of this checkout, unless what it keeps was removed.

    Raises:
        StackError: the file is not a journal.
    """
    path = settings.state_dir / FOLDER / NAME
    try:
        return msgspec.json.decode(path.read_bytes(), type=Journal)
    except FileNotFoundError:
        return None
    except msgspec.MsgspecError as error:
        raise StackError(f"{path}: {error}; nothing but `make restore` may write it") from error


def read_manifest(settings: Settings) -> Manifest:
    """What the archive of the newest restore says of itself.

    Raises:
        OSError: there is none.
    """
    return manifests.decode((settings.state_dir / FOLDER / MANIFEST).read_bytes())


def remove(settings: Settings) -> None:
    """Remove the journal, and all that a restore has left in this folder."""
    (settings.state_dir / FOLDER / NAME).unlink(missing_ok=True)
    shutil.rmtree(settings.state_dir / FOLDER, ignore_errors=True)


def is_unfinished(settings: Settings) -> bool:
    """Whether a restore was interrupted, or runs."""
    noted = read(settings)
    return noted is not None and noted.step != PROVEN


def refuse_unfinished(settings: Settings) -> None:
    """Check that no restore was interrupted.

    Raises:
        StackError: one was; the message says what to do.
    """
    noted = read(settings)
    if noted is not None and noted.step != PROVEN:
        raise StackError(
            f"a restore of {noted.archive} was interrupted while {noted.step}; `make up` or "
            "`make restore` completes it or goes back"
        )
