"""What holds for documents of every format: sidecars, run ids, unknown keys, own formats."""

import re
import subprocess
import sys
from pathlib import Path

from benchmark_exporter.formats import Origin, Sidecar, parse
from tests.support.documents import Json, changed, golden, perf_suite, pipeline
from tests.support.parsing import accepted, accepted_run, encoded, run_of


def test_a_documents_own_values_take_precedence_over_its_sidecar() -> None:
    sidecar = Sidecar(
        project="other", environment="other", commit="fffffff", branch="other", run_id="other"
    )
    assert run_of("result/1-run", Origin(sidecar=sidecar)) == run_of("result/1-run")


def test_a_run_without_an_id_gets_one_from_its_time_and_its_measurements() -> None:
    def run_id(document: Json, written_seconds: float) -> str:
        return accepted_run(document, Origin(written_seconds=written_seconds)).run_id

    document = golden("hyperfine_with_sidecar/1-run")
    first = run_id(document, 1772366400.25)
    assert re.fullmatch("20260301T120000Z-[0-9a-f]{8}", first)
    assert run_id(document, 1772366400.75) == first
    assert run_id(document, 1772366401.25) != first
    other = run_id(changed(document, "results.0.times.0", 0.021), 1772366400.25)
    assert other[:17] == first[:17]
    assert other != first


def test_a_format_of_another_distribution_is_found_by_its_entry_point(tmp_path: Path) -> None:
    (tmp_path / "stopwatch.py").write_text(
        "from benchmark_exporter.model import Result, Run, Statistics\n"
        "NAME = 'stopwatch'\n"
        "def matches(document): return isinstance(document, dict) and 'stopwatch' in document\n"
        "def parse(document, origin):\n"
        "    results = (Result('lap', '', Statistics(p50=document['stopwatch'])),)\n"
        "    return Run(NAME, origin.run_id(0.0, results), 0.0, results, ())\n"
    )
    installed = tmp_path / "stopwatch-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: stopwatch\nVersion: 1.0\n")
    (installed / "entry_points.txt").write_text(
        "[benchmark_exporter.formats]\nbroken = no_such_module\nstopwatch = stopwatch\n"
    )
    (tmp_path / "lap.json").write_text('{"stopwatch": 0.25}')
    command = [sys.executable, "-m", "benchmark_exporter", "check", str(tmp_path / "lap.json")]
    checked = subprocess.run(
        command,
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "stopwatch document" in checked.stdout, checked.stderr
    assert "lap: p50 250 ms" in checked.stdout
    assert "a format cannot be loaded" in checked.stderr
    assert checked.returncode == 0


def test_unknown_keys_are_ignored() -> None:
    assert accepted(perf_suite() | {"docs": {"vision": "x.md"}, "extra": [1, None]}) == accepted(
        perf_suite()
    )


def test_if_a_key_occurs_twice_the_last_one_counts() -> None:
    twice = encoded(pipeline()).replace(b'"status"', b'"status": "fail", "status"')
    assert parse(twice) == accepted(pipeline())
