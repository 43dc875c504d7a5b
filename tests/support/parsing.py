"""Documents parsed by the exporter's formats, as tests compare them."""

import json

import pytest

from benchmark_exporter.formats import Origin, parse
from benchmark_exporter.model import Document, Rejected, Result, Run
from tests.support.documents import golden
from tests.support.paths import REPOSITORY


def encoded(document: object) -> bytes:
    return json.dumps(document).encode()


def accepted(document: object) -> Document:
    return parse(encoded(document))


def accepted_run(document: object, origin: Origin | None = None) -> Run:
    run = parse(encoded(document), origin or Origin())
    assert isinstance(run, Run)
    return run


def rejected(document: bytes) -> Rejected:
    with pytest.raises(Rejected) as caught:
        parse(document)
    return caught.value


def run_of(name: str, origin: Origin | None = None) -> Run:
    """The run in a document of tests/exporter/golden."""
    return accepted_run(golden(name), origin)


def run_of_file(name: str) -> Run:
    """The run in a file of tests/exporter/golden, which need not be JSON."""
    path = REPOSITORY / "tests/exporter/golden" / f"{name}.json"
    run = parse(path.read_bytes(), Origin())
    assert isinstance(run, Run)
    return run


def results_of(name: str, origin: Origin | None = None) -> dict[str, Result]:
    """The results by name in a document of tests/exporter/golden."""
    return {result.name: result for result in run_of(name, origin).results}
