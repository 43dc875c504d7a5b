"""How the tests are divided among the processes of a run."""

from dataclasses import dataclass

import pytest

from tests.scheduling import LONGEST, longest_first, part
from tests.support.paths import REPOSITORY


@dataclass(frozen=True)
class Item:
    """What the scheduling sees of a test."""

    nodeid: str


@pytest.mark.parametrize(
    ("nodeid", "expected"),
    [
        ("tests/rules/test_rules.py::test_a[common_test]", "tests/rules/test_rules.py"),
        ("tests/exporter/test_log.py::test_a", "tests/exporter/test_log.py"),
        # With the parameter of `backend`, the tests of a folder share its stack.
        ("tests/stack/test_stack.py::test_a[local]", "tests/stack[local]"),
        ("tests/stack/test_stack_doors.py::test_b[compose-/-/quit]", "tests/stack[compose]"),
        ("tests/stack/backup/test_drill.py::test_c[local]", "tests/stack/backup[local]"),
        # Another parameter, a file without a shared stack, and another folder.
        ("tests/stack/test_systemd.py::test_d[system-local]", "tests/stack/test_systemd.py"),
        ("tests/stack/test_log.py::test_e[localhost]", "tests/stack/test_log.py"),
        ("tests/stack/test_modes.py::test_f", "tests/stack/test_modes.py"),
        ("tests/rules/test_x.py::test_g[local]", "tests/rules/test_x.py"),
        ("tests/ci/test_x.py::test_h[a::b[local]]", "tests/ci/test_x.py"),
    ],
)
def test_the_part_that_a_test_belongs_to(nodeid: str, expected: str) -> None:
    assert part(nodeid) == expected


def test_the_longest_parts_begin_first_and_keep_their_order_within() -> None:
    names = [
        "tests/a/test_a.py::test_1",
        "tests/stack/test_a.py::test_2[local]",
        "tests/stack/test_b.py::test_3[compose]",
        "tests/stack/test_b.py::test_4[local]",
        "tests/b/test_b.py::test_5",
        "tests/stack/test_c.py::test_6[compose]",
    ]
    items = [Item(name) for name in names]
    longest_first(items)
    assert [item.nodeid[-10:] for item in items] == [
        names[number][-10:] for number in (2, 5, 1, 3, 0, 4)
    ]


@pytest.mark.parametrize("name", LONGEST)
def test_a_part_that_begins_first_exists(name: str) -> None:
    assert (REPOSITORY / name.partition("[")[0]).exists()


def test_every_test_of_a_stack_is_in_its_part(request: pytest.FixtureRequest) -> None:
    # A parameter before the backend's would give a test a stack of its own, in another process.
    with_stack = [
        item
        for item in request.session.items
        if isinstance(item, pytest.Function) and "backend" in item.fixturenames
    ]
    assert not [item.nodeid for item in with_stack if "[" not in part(item.nodeid)]
