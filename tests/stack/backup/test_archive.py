"""The archive: what is broken, cut off or hostile is refused; a killed backup leaves no archive."""

import hashlib
import io
import os
import signal
import subprocess
import sys
import tarfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest
from backports import zstd

from stack.backup import archive, manifest
from stack.backup.folder import part_of
from stack.backup.layout import MANIFEST, member, shown, tar_stream
from stack.backup.manifest import FORMAT, File, Manifest, Proof, Versions
from stack.settings import StackError

FILES = {
    "data/exporter/ledger.sqlite3": os.urandom(5_000),
    "data/exporter/uploads/ü\n.json": b"odd",
    "data/exporter/uploads/\udcff.json": b"not UTF-8",
    "checkout/.env": b"MODE=local\n",
}


def nothing(_: int) -> None:
    """Nobody looks."""


def described(files: list[File]) -> Manifest:
    return Manifest(
        format=FORMAT,
        mode="local",
        checkout="/a",
        begun_seconds=1.0,
        ended_seconds=2.0,
        holds_secrets=False,
        stores=["exporter"],
        versions=Versions("0.5.0", 11, {}),
        proof=Proof({}, 0.0, {}, {}, 0.0),
        files=files,
    )


def write(path: Path) -> None:
    with archive.writing(part_of(path), path, nothing) as writer:
        for name, data in FILES.items():
            writer.add_bytes(name, data, mtime_ns=1_700_000_000_123_456_789, mode=0o640)
        writer.finish(described(writer.files))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "a.tar.zst"
    write(found)
    return found


def test_what_was_written_is_read(path: Path) -> None:
    verified = archive.verify(path, nothing)
    assert [file.path for file in verified.manifest.files] == list(map(shown, FILES))
    assert verified.checkout == {".env": (b"MODE=local\n", 0o640)}
    read = {info.name: file.read() for info, file in archive.read(path, verified.manifest, nothing)}
    assert read == FILES
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_tar_and_zstd_of_the_system_can_read_it(path: Path, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.mkdir()
    data = zstd.decompress(path.read_bytes())
    subprocess.run(["tar", "-xC", plain], input=data, capture_output=True, check=True)
    assert (plain / "checkout/.env").read_bytes() == FILES["checkout/.env"]


def test_an_archive_that_is_cut_anywhere_is_refused(path: Path) -> None:
    data = path.read_bytes()
    for size in {0, 1, 100, len(data) // 2, *range(len(data) - 20, len(data))}:
        path.write_bytes(data[:size])
        with pytest.raises(StackError, match="nothing was changed"):
            archive.verify(path, nothing)


def test_an_archive_with_a_wrong_byte_anywhere_is_refused(path: Path) -> None:
    data = path.read_bytes()
    plain = zstd.decompress(data)
    for position in range(0, len(data), 37):
        changed = bytearray(data)
        changed[position] ^= 0x10
        path.write_bytes(changed)
        with suppress(zstd.ZstdError):
            if zstd.decompress(changed) == plain:
                continue  # a bit of a frame's header that zstd does not use
        with pytest.raises(StackError):
            archive.verify(path, nothing)


def link(info: tarfile.TarInfo) -> None:
    info.type, info.linkname, info.size = tarfile.SYMTYPE, "/etc/passwd", 0


def hard_link(info: tarfile.TarInfo) -> None:
    info.type, info.linkname, info.size = tarfile.LNKTYPE, "checkout/.env", 0


def device(info: tarfile.TarInfo) -> None:
    info.type, info.devmajor, info.devminor, info.size = tarfile.CHRTYPE, 1, 3, 0


def folder(info: tarfile.TarInfo) -> None:
    info.type, info.size = tarfile.DIRTYPE, 0


def named(name: str) -> Callable[[tarfile.TarInfo], None]:
    def rename(info: tarfile.TarInfo) -> None:
        info.name = name

    return rename


@pytest.mark.parametrize(
    "change",
    [
        link,
        hard_link,
        device,
        folder,
        named("/etc/cron.d/x"),
        named("data/exporter/../../../x"),
        named("checkout/../x"),
        named("other/x"),
        named("data"),
        named("checkout/.env"),  # which is there already
    ],
)
def test_a_member_that_leads_elsewhere_is_refused(
    tmp_path: Path, change: Callable[[tarfile.TarInfo], None]
) -> None:
    path, data = tmp_path / "hostile.tar.zst", b"x"
    with zstd.ZstdFile(path, "w") as compressed, tar_stream(compressed, "w|") as stream:
        stream.addfile(member("checkout/.env", 1, 0, 0o644), io.BytesIO(data))
        info = member("data/exporter/x", 1, 0, 0o644)
        change(info)
        stream.addfile(info, io.BytesIO(data))
        listed = [File(name, 1, hashlib.sha256(data).hexdigest()) for name in (info.name,)]
        text = manifest.encode(described(listed))
        stream.addfile(member(MANIFEST, len(text), 0, 0o644), io.BytesIO(text))
    with pytest.raises(StackError, match=r"not a backup|broken"):
        archive.verify(path, nothing)


@pytest.mark.parametrize("content", [b"", b"not zstd at all", zstd.compress(b"no tar"), None])
def test_what_is_no_archive_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "x.tar.zst"
    path.write_bytes(zstd.compress(b"") if content is None else content)
    with pytest.raises(StackError, match="nothing was changed"):
        archive.verify(path, nothing)


def test_a_member_that_the_manifest_does_not_have_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tar.zst"
    with archive.writing(part_of(path), path, nothing) as writer:
        writer.add_bytes("data/exporter/x", b"x")
        writer.finish(described([]))
    with pytest.raises(StackError, match="not in the manifest"):
        archive.verify(path, nothing)


def test_a_backup_that_fails_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.tar.zst"
    with suppress(StackError), archive.writing(part_of(path), path, nothing) as writer:
        writer.add_bytes("data/exporter/x", b"x")
        raise StackError("the collector failed")
    assert list(tmp_path.iterdir()) == []


def test_a_backup_that_is_killed_leaves_no_archive(tmp_path: Path) -> None:
    path = tmp_path / "a.tar.zst"
    program = (
        "import sys, time; from pathlib import Path; from stack.backup import archive, folder\n"
        f"path = Path({str(path)!r})\n"
        "with archive.writing(folder.part_of(path), path, lambda _: None) as writer:\n"
        "    writer.add_bytes('data/exporter/x', bytes(3_000_000)); print('half', flush=True)\n"
        "    time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"half\n"
        process.send_signal(signal.SIGKILL)
    assert [one.name for one in tmp_path.iterdir()] == [part_of(path).name]


def versions(project: str, schema: int, prometheus: str = "") -> Manifest:
    programs = {"prometheus": prometheus} if prometheus else {}
    return msgspec.structs.replace(described([]), versions=Versions(project, schema, programs))


def test_what_a_newer_version_wrote_is_refused_with_what_to_do() -> None:
    manifest.refuse_newer(versions("0.1.0", 1))
    with pytest.raises(StackError, match=r"schema 1000.*Update this checkout to 99\.0\.0 or newer"):
        manifest.refuse_newer(versions("99.0.0", 1000))
    with pytest.raises(StackError, match=r"update it to 99\.0\.0 or newer"):
        manifest.refuse_newer(versions("99.0.0", 1))
    with pytest.raises(StackError, match=r"format 2.*update this checkout"):
        manifest.decode(manifest.encode(described([])).replace(b'"format": 1', b'"format": 2'))


@pytest.mark.parametrize(
    ("made", "here", "accepted"),
    [
        ("3.5.3", "2.42.0", False),
        ("3.5.3", "2.55.1", True),
        ("2.42.0+ds", "3.5.3", True),
        ("2.53.3", "2.42.0+ds", True),
        ("3.13.4", "3.5.0", True),
        ("", "2.42.0", True),
    ],
)
def test_samples_of_a_newer_prometheus_are_refused(made: str, here: str, accepted: bool) -> None:
    if accepted:
        manifest.refuse_newer_prometheus(versions("0.5.0", 11, made), here)
        return
    with pytest.raises(StackError, match="WITHOUT=prometheus"):
        manifest.refuse_newer_prometheus(versions("0.5.0", 11, made), here)
