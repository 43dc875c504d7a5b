"""The stack that a command belongs to: how it is found, and how strictly its file is read."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from benchmark_exporter.commands.stack_file import (
    Stack,
    StackError,
    find_address,
    find_ledger,
    find_stack,
    read_stack,
)
from tests.exporter.commands.checkouts import stack_of, write_stack


def test_it_is_found_from_the_checkout_and_from_folders_below(tmp_path: Path) -> None:
    write_stack(tmp_path)
    deep = tmp_path / "results" / "deep"
    deep.mkdir(parents=True)
    for folder in (tmp_path, deep):
        assert find_stack(None, folder) == Stack(
            checkout=tmp_path,
            mode="local",
            addresses=stack_of(tmp_path)["addresses"],
            results_dir=tmp_path / "results",
            ledger=tmp_path / ".local/exporter/ledger.sqlite3",
        )


def test_there_may_be_none(tmp_path: Path) -> None:
    assert find_stack(None, tmp_path) is None


def test_of_several_one_must_be_named(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    outer_file, inner_file = write_stack(tmp_path), write_stack(inner)
    with pytest.raises(
        StackError,
        match=f"^more than one stack is found: {inner_file}, {outer_file}; name one with --stack$",
    ):
        find_stack(None, inner)
    for named in (outer_file, tmp_path):
        stack = find_stack(named, inner)
        assert stack is not None
        assert stack.checkout == tmp_path


def test_a_file_that_was_copied_with_its_checkout_is_not_used(tmp_path: Path) -> None:
    write_stack(tmp_path / "first")
    shutil.copytree(tmp_path / "first", tmp_path / "second")
    with pytest.raises(StackError, match=r"describes the stack of .*/first, not of this checkout"):
        find_stack(None, tmp_path / "second")


def test_a_checkout_may_be_reached_by_a_link(tmp_path: Path) -> None:
    write_stack(tmp_path / "real")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert find_stack(None, tmp_path / "link") is not None


def test_a_named_one_must_exist(tmp_path: Path) -> None:
    for named in (tmp_path, tmp_path / "stack.json"):
        with pytest.raises(StackError, match=r"stack\.json: cannot be read: No such file"):
            find_stack(named, tmp_path)


def test_a_part_that_does_not_run_has_no_address(tmp_path: Path) -> None:
    addresses = stack_of(tmp_path)["addresses"] | {"grafana": None}
    stack = read_stack(write_stack(tmp_path, addresses=addresses))
    assert set(stack.addresses) == {"exporter", "stream", "prometheus", "alertmanager"}


def test_unknown_keys_are_ignored(tmp_path: Path) -> None:
    addresses = stack_of(tmp_path)["addresses"] | {"loki": 7}
    stack = read_stack(write_stack(tmp_path, addresses=addresses, started="now"))
    assert "loki" not in stack.addresses


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"schema": 2}, r"\$\.schema must be 1, not 2"),
        ({"schema": ...}, r"\$\.schema must be 1, not None"),
        ({"schema": True}, r"\$\.schema must be 1, not True"),
        ({"mode": "swarm"}, r"\$\.mode must be 'local' or 'compose', not 'swarm'"),
        ({"checkout": "here"}, r"\$\.checkout must be an absolute path, not 'here'"),
        ({"results_dir": ...}, r"\$\.results_dir must be an absolute path, not None"),
        ({"ledger": 7}, r"\$\.ledger must be an absolute path, not 7"),
        ({"addresses": []}, r"\$\.addresses is not an object"),
        (
            {"addresses": {"exporter": "127.0.0.1:8000"}},
            r"\$\.addresses\.exporter must be an address that begins with http://",
        ),
        (
            {"addresses": {"stream": "http://127.0.0.1:8765"}},
            r"\$\.addresses\.stream must be an address that begins with ws://",
        ),
        ({"addresses": {"grafana": 7}}, r"\$\.addresses\.grafana must be an address"),
    ],
)
def test_a_wrong_file_is_refused_with_the_json_path(
    tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    path = write_stack(tmp_path, **changes)
    with pytest.raises(StackError, match=f"^{path}: {reason}.*; `make up` writes it again$"):
        read_stack(path)


@pytest.mark.parametrize(("text", "reason"), [("{", "is not JSON: "), ("[]", r"\$ is not an obj")])
def test_what_is_not_an_object_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    path = write_stack(tmp_path)
    path.write_text(text)
    with pytest.raises(StackError, match=f"^{path}: {reason}"):
        read_stack(path)


def test_an_option_wins_over_the_stack_and_the_stack_over_the_default(tmp_path: Path) -> None:
    def found(given: str | None, folder: Path) -> str:
        return str(find_address("prometheus", given, None, folder=folder, default="http://d"))

    write_stack(tmp_path / "checkout")
    (tmp_path / "elsewhere").mkdir()
    assert found("http://given", tmp_path / "checkout") == "http://given"
    assert found(None, tmp_path / "checkout") == (
        f"http://127.0.0.1:19090 (the stack of {tmp_path}/checkout)"
    )
    assert found(None, tmp_path / "elsewhere") == "http://d"


def test_a_part_that_a_stack_lacks_is_named(tmp_path: Path) -> None:
    write_stack(tmp_path, addresses={})
    with pytest.raises(
        StackError, match=f"^the stack of {tmp_path} has no prometheus; give its address with --url"
    ):
        find_address("prometheus", None, None, folder=tmp_path, default="http://d")


def test_a_ledger_in_a_container_is_not_guessed(tmp_path: Path) -> None:
    write_stack(tmp_path, ledger=None, mode="compose")
    with pytest.raises(StackError, match=r"is inside a container; run this command there .*--led"):
        find_ledger(None, None, folder=tmp_path, default=Path("ledger.sqlite3"))
    path, _ = find_ledger(Path("given"), None, folder=tmp_path)
    assert path == Path("given")


def test_a_default_counts_if_there_is_such_a_file(tmp_path: Path) -> None:
    default = tmp_path / "ledger.sqlite3"
    with pytest.raises(StackError, match=r"start it with `make up`, .* or give --ledger FILE"):
        find_ledger(None, None, folder=tmp_path, default=default)
    default.touch()
    assert find_ledger(None, None, folder=tmp_path, default=default)[0] == default


def test_without_a_stack_and_a_default_it_asks(tmp_path: Path) -> None:
    with pytest.raises(StackError, match=rf"no running stack .* {tmp_path} .*give --ledger FILE"):
        find_ledger(None, None, folder=tmp_path)
    with pytest.raises(StackError, match=rf"no running stack .* {tmp_path} .*give --url URL"):
        find_address("prometheus", None, None, folder=tmp_path)
