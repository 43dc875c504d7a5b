"""docs/formats.md and docs/result.schema.json agree with the code that reads documents."""

import json
import re
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark_exporter.formats import FORMATS, Format, Origin, parse, parse_sidecar
from benchmark_exporter.model import Document, PipelineRun, Rejected, Run
from tests.support.documents import changed, golden, without
from tests.support.paths import REPOSITORY

PAGE = (REPOSITORY / "docs/formats.md").read_text(encoding="utf-8")
SCHEMA = json.loads((REPOSITORY / "docs/result.schema.json").read_text(encoding="utf-8"))
# The text of each section, by its heading.
SECTIONS = dict(
    zip(
        re.findall(r"^## (.*)$", PAGE, re.MULTILINE),
        re.split(r"^## .*$", PAGE, flags=re.MULTILINE)[1:],
        strict=True,
    )
)


def accepted(document: object) -> Document:
    return parse(json.dumps(document).encode())


def example(section: str, language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", SECTIONS[section], re.DOTALL)
    assert found is not None
    return found[1]


OTHER_SECTIONS = {"All formats", "Sidecars", "A format of your own"}
COLUMNS = ("format", "tool, versions tried", "how to have it written", "read", "not read")


def table() -> list[list[str]]:
    """The rows of the table of all formats, its header first, without the line below that."""
    lines = [line for line in SECTIONS["All formats"].splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [rows[0], *rows[2:]]


def test_every_format_has_its_section() -> None:
    assert set(SECTIONS) - OTHER_SECTIONS == {known.NAME for known in FORMATS}


def test_every_format_has_its_row_in_the_order_in_which_they_are_tried() -> None:
    header, *rows = table()
    assert tuple(header) == COLUMNS
    assert [row[0] for row in rows] == [f"[{name}](#{name})" for name in map(name_of, FORMATS)]


def name_of(known: Format) -> str:
    return known.NAME


def test_every_row_says_all_that_the_table_has() -> None:
    _, *rows = table()
    for row in rows:
        assert len(row) == len(COLUMNS), row
        assert all(row), row


def test_the_examples_are_read() -> None:
    result = accepted(json.loads(example("result", "json")))
    assert isinstance(result, Run)
    assert [each.name for each in result.results] == [
        "parsing/compiled",
        "parsing/memory",
        "cache/hits",
    ]
    assert isinstance(accepted(json.loads(example("pipeline", "json"))), PipelineRun)
    assert parse_sidecar(example("Sidecars", "json").encode(), Origin()).sidecar.run_id == "ci-17"


def test_the_example_of_a_format_works() -> None:
    module: dict[str, Any] = {}
    exec(example("A format of your own", "python"), module)  # noqa: S102  # the page's own code
    document = {"laps_ms": [1.0, 2.0, 6.0]}
    assert module["matches"](document)
    run = module["parse"](document, Origin())
    assert (run.format, run.results[0].statistics.p50) == ("stopwatch", 0.002)


def test_the_schema_is_what_the_generator_writes() -> None:
    command = [sys.executable, "tools/generate_result_schema.py", "--check"]
    run = subprocess.run(
        command, cwd=REPOSITORY, check=False, capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 0, run.stderr


def drawn_from(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values that a schema allows.

    It understands the parts of JSON Schema that ours uses; any other part is an error.
    """
    if "$ref" in schema:
        return drawn_from(SCHEMA["$defs"][schema["$ref"].rsplit("/", 1)[1]])
    if "anyOf" in schema:
        return st.one_of([drawn_from(option) for option in schema["anyOf"]])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    kind = schema["type"]
    if kind == "object":
        required = {name: drawn_from(schema["properties"][name]) for name in schema["required"]}
        optional = {
            name: drawn_from(value)
            for name, value in schema["properties"].items()
            if name not in required
        }
        return st.fixed_dictionaries(required, optional=optional)
    if kind == "array":
        return st.lists(drawn_from(schema["items"]), min_size=schema.get("minItems", 0), max_size=3)
    if schema.get("format") == "date-time":
        return (
            st.datetimes(timezones=st.timezones())
            .filter(lambda moment: 1970 < moment.year < 9999)
            .map(lambda moment: moment.isoformat())
        )
    strategies = {
        "string": lambda: st.text(
            st.characters(codec="utf-8"),
            min_size=schema.get("minLength", 0),
            max_size=schema.get("maxLength", 50),
        ),
        "number": lambda: st.floats(schema["minimum"], schema["maximum"]),
        "integer": lambda: st.integers(schema["minimum"], schema["maximum"]),
        "null": st.none,
    }
    return strategies[kind]()


def is_unambiguous(document: dict[str, Any]) -> bool:
    """What the schema cannot express: something was run, and each quantity has its own name."""
    names = [
        f"{each['benchmark']}/{each.get('variant', '')}".rstrip("/") for each in document["results"]
    ]
    return bool(names or document.get("failures")) and len(set(names)) == len(names)


@given(drawn_from({"$ref": "#/$defs/ResultDocument"}).filter(is_unambiguous))
def test_whatever_the_schema_allows_is_read(document: dict[str, Any]) -> None:
    run = accepted(document)
    assert isinstance(run, Run)
    assert [result.samples != () for result in run.results] == [True] * len(document["results"])


def forbidden() -> list[Any]:
    """Documents that the schema forbids.

    In each, a required key is missing, an object has an unknown key, or a value the wrong type.
    """
    document = golden("result/1-run")
    found = []
    for name, path in (
        ("ResultDocument", ""),
        ("Measurement", "results.0."),
        ("FailedBenchmark", "failures.0."),
    ):
        schema = SCHEMA["$defs"][name]
        assert schema["additionalProperties"] is False
        found += [without(document, f"{path}{key}") for key in schema["required"]]
        for key in (*schema["properties"], "misspelt"):
            found.append(changed(document, f"{path}{key}", {"an": "object"}))
    return found


@pytest.mark.parametrize("document", forbidden())
def test_whatever_the_schema_forbids_is_rejected(document: dict[str, Any]) -> None:
    with pytest.raises(Rejected) as caught:
        accepted(document)
    assert caught.value.reason in ("invalid_value", "unknown_format")
