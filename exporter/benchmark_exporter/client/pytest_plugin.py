"""`pytest --benchmark-results=FOLDER`: drops what pytest-benchmark measured into a results folder.

A sidecar adds what CI or git states about the run.
"""

import json
from pathlib import Path

import pytest

from benchmark_exporter.atomic_write import write_file
from benchmark_exporter.client.files import new_run_id
from benchmark_exporter.client.machine import find_profile
from benchmark_exporter.client.provenance import Provenance, find_provenance
from benchmark_exporter.wording import printable

OPTION = "--benchmark-results"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("benchmark").addoption(
        OPTION,
        type=Path,
        metavar="FOLDER",
        help="drop pytest-benchmark's results into this folder, for benchmark-exporter",
    )


def pytest_configure(config: pytest.Config) -> None:
    folder = config.getoption(OPTION)
    if folder is None:
        return
    if not config.pluginmanager.hasplugin("benchmark"):
        raise pytest.UsageError(
            f"{OPTION} needs pytest-benchmark, which is not installed, or is turned off"
        )
    if not folder.is_dir():
        shown = printable(str(folder))
        raise pytest.UsageError(f"{OPTION}={shown}: folder not found; create it or name another")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Writes the document that `--benchmark-json` writes, with or without that option."""
    config = session.config
    folder = config.getoption(OPTION)
    benchmarks = None if folder is None else getattr(config, "_benchmarksession", None)
    if benchmarks is None or not benchmarks.benchmarks:
        return
    document = config.hook.pytest_benchmark_generate_json(
        config=config,
        benchmarks=benchmarks.benchmarks,
        include_data=True,
        machine_info=benchmarks.get_machine_info(),
        commit_info=config.hook.pytest_benchmark_generate_commit_info(config=config),
    )
    if not document["benchmarks"]:
        return
    path = folder / f"pytest-{new_run_id()}.json"
    provenance = find_provenance(Provenance())
    stated: dict[str, object] = {
        name: getattr(provenance, name)
        for name in Provenance.__slots__
        if getattr(provenance, name)
    }
    if profile := find_profile():
        stated["machine"] = {"profile": profile}  # the document has the rest
    try:
        if stated:  # the sidecar must be there first
            write_file(path.with_suffix(".meta.json"), json.dumps(stated).encode())
        # Tests may put anything into `extra_info`.
        write_file(path, json.dumps(document, default=str).encode())
    except OSError as error:
        # If raised here, it would suppress pytest's summary.
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        config.get_terminal_writer().line(
            f"\n{OPTION}={printable(str(folder))}: the results cannot be written: {error.strerror}",
            red=True,
        )
