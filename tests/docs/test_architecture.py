"""The table of modules in docs/architecture.md names what there is, and allows no cycle."""

from graphlib import TopologicalSorter

import pytest

from tests.docs.import_table import PAGE, read_import_table
from tests.support.paths import REPOSITORY

PACKAGE = REPOSITORY / "exporter" / "benchmark_exporter"
HEAD = "| folder or module | may import | what it does |\n|---|---|---|\n"


def test_the_table_names_every_folder_and_module_of_the_package_and_no_other() -> None:
    folders = {path.parent.name for path in PACKAGE.glob("*/*.py")}
    modules = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__"}
    assert read_import_table().keys() == folders | modules


def test_a_folder_is_written_with_a_slash_and_a_module_without() -> None:
    names = read_import_table()
    text = PAGE.read_text(encoding="utf-8")
    of_folders = {name for name in names if f"\n| `{name}/` | " in text}
    of_modules = {name for name in names if f"\n| `{name}` | " in text}
    assert of_folders == {name for name in names if (PACKAGE / name).is_dir()}
    assert of_modules == names.keys() - of_folders


def test_what_is_allowed_has_no_cycle() -> None:
    order = list(TopologicalSorter(read_import_table()).static_order())
    assert order.index("model") < order.index("ledger") < order.index("server")


def test_the_client_may_import_nothing_that_costs_a_benchmark_anything() -> None:
    assert read_import_table()["client"] == {"atomic_write", "wording"}
    assert read_import_table()["atomic_write"] == frozenset()


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("–", set()),
        ("`b`", {"b"}),
        ("`b`, `c`", {"b", "c"}),
        ("all", {"b", "c"}),
        ("all but `c`", {"b"}),
    ],
)
def test_a_cell_of_the_table_is_understood(cell: str, expected: set[str]) -> None:
    table = (
        f"{HEAD}| `a/` | {cell} | x |\n| `b` | – | x |\n| `c/` | – | x |\n| `__main__` | – | x |\n"
    )
    assert read_import_table(f"text\n\n{table}\ntext\n")["a"] == expected


@pytest.mark.parametrize("cell", ["", "nearly all", "`d`", "all but", "– `b`"])
def test_a_cell_that_is_none_of_these_is_an_error(cell: str) -> None:
    with pytest.raises(ValueError, match=r"docs/architecture\.md"):
        read_import_table(f"{HEAD}| `a/` | {cell} | x |\n| `b` | – | x |\n")
