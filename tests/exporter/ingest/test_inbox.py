"""Which files of a real folder are candidates, and what reading them returns."""

import os
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmark_exporter.ingest.inbox import UPLOADS_PREFIX, Candidate, Inbox
from benchmark_exporter.ingest.inboxes import Inboxes
from benchmark_exporter.model import Rejected

NOBODY = 65534


@pytest.fixture
def inbox(tmp_path: Path) -> Inbox:
    root = tmp_path / "results"
    root.mkdir()
    return Inbox(root, max_file_bytes=100)


def names(inbox: Inbox) -> list[str]:
    return sorted(candidate.name for candidate in inbox.scan())


def only(inbox: Inbox) -> Candidate:
    (candidate,) = inbox.scan()
    return candidate


def refused(inbox: Inbox) -> tuple[str, str]:
    with pytest.raises(Rejected) as caught:
        inbox.read(only(inbox))
    return caught.value.reason, caught.value.detail


@contextmanager
def without_privileges() -> Iterator[None]:
    """Runs as a user to whom permissions apply."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(before)


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that other users can reach, unlike pytest's."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        root.chmod(0o755)
        yield root


def test_candidates_are_json_files_in_all_folders_except_hidden_ones(inbox: Inbox) -> None:
    for name in (
        "a.json",
        "b.txt",
        ".c.json",
        "d.json.tmp",
        "day/e.json",
        "day/deep/f.json",
        ".git/g.json",
        "x.json/h.json",
    ):
        (inbox.root / name).parent.mkdir(parents=True, exist_ok=True)
        (inbox.root / name).touch()
    assert names(inbox) == ["a.json", "day/deep/f.json", "day/e.json", "x.json"]


def test_checking_all_paths_finds_what_a_scan_finds(inbox: Inbox, tmp_path: Path) -> None:
    for name in ("a.json", ".b.json", "day/c.json", "x.json/d.json", "e.txt"):
        (inbox.root / name).parent.mkdir(parents=True, exist_ok=True)
        (inbox.root / name).touch()
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "f.json").touch()
    (inbox.root / "linked").symlink_to(tmp_path / "outside")
    everything = [
        *inbox.root.rglob("*"),
        inbox.root / "linked/f.json",
        inbox.root / "gone.json",
        tmp_path / "outside/f.json",
    ]
    assert inbox.check(everything) == inbox.scan()
    assert names(inbox) == ["a.json", "day/c.json", "x.json"]


def test_the_signature_changes_with_the_content(inbox: Inbox) -> None:
    path = inbox.root / "a.json"
    path.write_text("{}")
    before = only(inbox)
    assert only(inbox).signature == before.signature
    path.write_text("{ }")
    assert only(inbox).signature != before.signature


def test_a_name_that_is_not_text_can_be_printed(inbox: Inbox) -> None:
    Path(os.fsdecode(os.fsencode(inbox.root) + b"/\xff\n.json")).write_bytes(b"{}")
    candidate = only(inbox)
    assert candidate.name == "\\xff\\n.json"
    assert inbox.read(candidate) == b"{}"


@pytest.fixture
def deep(inbox: Inbox) -> Iterator[Inbox]:
    """With a file nested deeper than Python can recurse.

    It is removed by rm, because shutil recurses too.
    """
    folder = os.open(inbox.root, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("d", dir_fd=folder)
        inner = os.open("d", os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = inner
    os.close(os.open("a.json", os.O_CREAT, dir_fd=folder))
    os.close(folder)
    yield inbox
    subprocess.run(["rm", "-r", inbox.root], check=True)


def test_folders_may_be_nested_deeper_than_python_can_recurse(deep: Inbox) -> None:
    assert names(deep) == ["d/" * 1500 + "a.json"]


def test_a_file_at_the_limit_is_read_and_a_larger_one_is_not(inbox: Inbox) -> None:
    path = inbox.root / "a.json"
    path.write_bytes(b"x" * 100)
    assert inbox.read(only(inbox)) == b"x" * 100
    path.write_bytes(b"x" * 101)
    assert refused(inbox) == ("too_large", "101 bytes, max_file_bytes is 100")


def test_a_huge_file_is_not_read_to_its_end(inbox: Inbox) -> None:
    os.truncate(os.open(inbox.root / "a.json", os.O_CREAT | os.O_RDWR), 1 << 40)
    assert refused(inbox)[0] == "too_large"


def test_a_fifo_is_not_waited_for(inbox: Inbox) -> None:
    os.mkfifo(inbox.root / "a.json")
    assert refused(inbox) == ("not_a_file", "a FIFO has a result's name")


def test_a_folder_is_rejected_and_unchanged_by_what_happens_in_it(inbox: Inbox) -> None:
    (inbox.root / "a.json").mkdir()
    before = only(inbox)
    (inbox.root / "a.json" / "b").touch()
    assert only(inbox) == before
    assert refused(inbox) == ("not_a_file", "a folder has a result's name")


def test_a_socket_is_rejected(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(inbox.root)  # a socket's path may be 107 bytes long
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("a.json")
        assert refused(inbox) == ("not_a_file", "a socket has a result's name")


def test_a_link_within_the_folder_is_followed(inbox: Inbox) -> None:
    (inbox.root / "target.txt").write_bytes(b"{}")
    (inbox.root / "a.json").symlink_to("target.txt")
    assert inbox.read(only(inbox)) == b"{}"


def test_a_link_out_of_the_folder_is_not_followed(inbox: Inbox, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"{}")
    (inbox.root / "a.json").symlink_to("../secret")
    assert refused(inbox)[0] == "link_outside"


def test_a_broken_link_is_unreadable(inbox: Inbox) -> None:
    (inbox.root / "a.json").symlink_to("nothing")
    assert refused(inbox) == ("unreadable", "a link to a file that does not exist")


def test_a_link_to_itself_is_unreadable(inbox: Inbox) -> None:
    (inbox.root / "a.json").symlink_to("a.json")
    assert refused(inbox) == ("unreadable", "Too many levels of symbolic links")


def test_a_file_without_read_permission_is_unreadable(shared: Path) -> None:
    inbox = Inbox(shared, 100)
    (shared / "a.json").write_bytes(b"{}")
    (shared / "a.json").chmod(0)
    with without_privileges():
        assert refused(inbox) == ("unreadable", "Permission denied")


def test_a_folder_that_cannot_be_listed_is_reported_and_the_others_are_read(shared: Path) -> None:
    inbox = Inbox(shared, 100)
    (shared / "closed").mkdir(mode=0)
    (shared / "a.json").touch()
    with without_privileges():
        assert names(inbox) == ["a.json", "closed"]
        closed = next(candidate for candidate in inbox.scan() if candidate.name == "closed")
        with pytest.raises(Rejected, match="the folder cannot be listed"):
            inbox.read(closed)


def test_a_file_that_has_gone_is_not_a_rejection(inbox: Inbox) -> None:
    (inbox.root / "a.json").touch()
    candidate = only(inbox)
    (inbox.root / "a.json").unlink()
    with pytest.raises(FileNotFoundError):
        inbox.read(candidate)


def test_a_results_folder_that_is_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Inbox(tmp_path / "missing", 100).scan()


# Two folders


@pytest.fixture
def both(inbox: Inbox, tmp_path: Path) -> Inboxes:
    return Inboxes(inbox, Inbox(tmp_path / "uploads", 100, UPLOADS_PREFIX))


def fill(folder: Path, text: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "a.json").write_text(text)
    (folder / "a.meta.json").write_text(f"context of {text}")


def test_files_of_two_folders_are_distinguished_by_their_names(
    both: Inboxes, inbox: Inbox, tmp_path: Path
) -> None:
    # No folder among the results can have the prefix of uploads.
    for folder, text in (
        (tmp_path / "uploads", "upload"),
        (inbox.root, "result"),
        (inbox.root / "uploads", "x"),
        (inbox.root / ".uploads", "y"),
    ):
        fill(folder, text)
    candidates = {candidate.name: candidate for candidate in both.walk()}
    with_sidecar = {"a.json", ".uploads/a.json", "uploads/a.json"}
    assert both.perhaps_with_sidecar(candidates.values()) == with_sidecar
    assert sorted(candidates) == [
        *(
            ".uploads/a.json",
            ".uploads/a.meta.json",
            "a.json",
            "a.meta.json",
            "uploads/a.json",
            "uploads/a.meta.json",
        ),
    ]
    for name, data in (
        (".uploads/a.json", b"upload"),
        ("a.json", b"result"),
        ("uploads/a.json", b"x"),
    ):
        document, sidecar = candidates[name], both.sidecar(candidates[name])
        root = tmp_path / "uploads" if name.startswith(UPLOADS_PREFIX) else inbox.root
        assert both.read(document) == data == (root / document.path).read_bytes()
        assert sidecar is not None
        assert both.read(sidecar) == b"context of " + data
        assert (
            [found.name for found in both.documents([sidecar])]
            == [name]
            == [sidecar.document_names[0]]
        )
        assert [found.name for found in both.check([root / document.path])] == [name]


def test_the_folder_of_uploads_need_not_exist(both: Inboxes, inbox: Inbox) -> None:
    fill(inbox.root, "result")
    assert len(list(both.walk())) == 2


def test_the_results_folder_must_exist(both: Inboxes, inbox: Inbox, tmp_path: Path) -> None:
    fill(tmp_path / "uploads", "upload")
    inbox.root.rmdir()
    with pytest.raises(FileNotFoundError):
        list(both.walk())
