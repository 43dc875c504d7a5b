"""`pytest --benchmark-results=FOLDER`: drops what pytest-benchmark has measured into the results folder, with what CI or git says of it."""

import json
from pathlib import Path

import pytest

from benchmark_exporter.atomic_write import write_file
from benchmark_exporter.client.files import new_run_id
from benchmark_exporter.client.machine import find_profile
from benchmark_exporter.client.provenance import Provenance, find_provenance

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
            f"{OPTION} needs pytest-benchmark, which is not installed or turned off"
        )
    if not folder.is_dir():
        raise pytest.UsageError(
            f"{OPTION}={folder}: there is no such folder; create it or name another"
        )


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Writes the document that `--benchmark-json` writes, whether that is asked for too or not."""
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
    said: dict[str, object] = {
        name: getattr(provenance, name)
        for name in Provenance.__slots__
        if getattr(provenance, name)
    }
    if profile := find_profile():
        said["machine"] = {"profile": profile}  # the rest of it is in the document
    try:
        if said:  # the side file first
            write_file(path.with_suffix(".meta.json"), json.dumps(said).encode())
        # What tests have noted in `extra_info` may be anything.
        write_file(path, json.dumps(document, default=str).encode())
    except OSError as error:
        # Raised here it would keep the summary from being shown.
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        config.get_terminal_writer().line(
            f"\n{OPTION}={folder}: the results cannot be written: {error.strerror}", red=True
        )
