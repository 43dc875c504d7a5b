"""`POST /api/v1/results` of a running exporter: what an upload becomes, and what is refused."""

import json
import re
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.documents import changed, perf_suite
from tests.support.process import Exporter
from tests.support.upload_server import HYPERFINE, answered, ingested, kept, refused
from tests.support.uploading import TOKEN, upload


def test_an_upload_is_on_the_metrics_page_soon(exporter: Exporter) -> None:
    answer = upload(exporter, perf_suite("run-1"))
    assert (answer.status, answer.json["format"], answer.json["run_id"]) == (
        201,
        "perf_suite",
        "run-1",
    )
    assert kept(exporter) == [f"{answer.json['id']}.json"]
    exporter.until(lambda: ingested(exporter) == 1)
    assert f"file=.uploads/{answer.json['id']}.json" in exporter.log.read_text()
    exporter.until(lambda: answered(exporter, 201) == 1)


def test_parameters_count_like_a_sidecar(exporter: Exporter) -> None:
    query = (
        "?project=router&environment=ci&commit=a1b2c3d&branch=main"
        "&timestamp=2026-03-01T12:00:00Z&run_id=ci-17"
    )
    answer = upload(exporter, HYPERFINE, query)
    assert (answer.status, answer.json["run_id"]) == (201, "ci-17")
    exporter.until(lambda: ingested(exporter, "hyperfine") == 1)
    info = re.findall(
        r"^benchmark_run_info\{.*\} 1$", exporter.get("/metrics").decode(), re.MULTILINE
    )
    assert info
    assert all(
        'environment="ci",project="router",run_id="ci-17",commit_hash="a1b2c3d"' in line
        for line in info
    )


def test_parameters_can_describe_the_machine(exporter: Exporter) -> None:
    query = (
        "?machine_os=Linux&machine_architecture=amd64&machine_cpu_model=AMD+EPYC+7763"
        "&machine_cpu_count=4&machine_profile=vm"
    )
    answer = upload(exporter, HYPERFINE, query)
    assert answer.status == 201
    assert upload(exporter, HYPERFINE, query.replace("=4", "=04")).json["id"] == answer.json["id"]
    exporter.until(lambda: ingested(exporter, "hyperfine") == 1)
    with closing(sqlite3.connect(exporter.folder / "ledger.sqlite3")) as ledger:
        assert ledger.execute("SELECT machine FROM runs").fetchall() == [
            ("linux x86_64 amd epyc 7763 4 cpus vm",)
        ]


def test_a_repeated_upload_is_answered_with_the_first_ones_id_and_run(exporter: Exporter) -> None:
    # Its run id is the second of its arrival, and that of the first upload has to stay.
    first = upload(exporter, HYPERFINE, "?commit=a1b2c3d")
    time.sleep(1.1)
    second = upload(exporter, HYPERFINE, "?branch=&commit=a1b2c3d")
    assert (first.status, second.status) == (201, 200)
    assert first.json == second.json
    exporter.until(lambda: ingested(exporter, "hyperfine") == 1)
    run_id = re.search(r'benchmark_run_info\{.*run_id="([^"]*)"', exporter.get("/metrics").decode())
    assert run_id
    assert run_id[1] == first.json["run_id"]


def test_the_same_time_in_another_zone_is_the_same_upload(exporter: Exporter) -> None:
    answers = [
        upload(exporter, HYPERFINE, f"?timestamp=2026-03-01T{moment}")
        for moment in ("12:00:00Z", "21:00:00%2B09:00")
    ]
    assert [answer.status for answer in answers] == [201, 200]


def test_the_same_document_with_other_parameters_is_another_upload(exporter: Exporter) -> None:
    answers = [
        upload(exporter, HYPERFINE, f"?commit={commit}") for commit in ("a1b2c3d", "b1b2c3d")
    ]
    assert [answer.status for answer in answers] == [201, 201]
    exporter.until(lambda: ingested(exporter, "hyperfine") == 2)


def test_the_same_in_the_results_folder_is_a_duplicate(exporter: Exporter) -> None:
    assert upload(exporter, perf_suite()).status == 201
    exporter.until(lambda: ingested(exporter) == 1)
    (exporter.results / "a.json").write_text(json.dumps(perf_suite()))
    exporter.until(lambda: exporter.value("benchmark_exporter_files_duplicate_total") == 1)
    assert ingested(exporter) == 1
    assert exporter.value("benchmark_exporter_run_conflicts_total") == 0


def test_a_folder_called_uploads_in_the_results_folder_is_another(exporter: Exporter) -> None:
    answer = upload(exporter, perf_suite("run-1"))
    (exporter.results / "uploads").mkdir()
    (exporter.results / "uploads" / f"{answer.json['id']}.json").write_text(
        json.dumps(perf_suite("run-2"))
    )
    exporter.until(lambda: ingested(exporter) == 2)


def test_50_at_once_count_once_each(exporter: Exporter) -> None:
    documents = [perf_suite(f"run-{number // 2}") for number in range(50)]
    with ThreadPoolExecutor(50) as clients:
        statuses = [
            answer.status
            for answer in clients.map(lambda document: upload(exporter, document), documents)
        ]
    assert sorted(statuses) == [200] * 25 + [201] * 25
    exporter.until(lambda: ingested(exporter) == 25)
    assert exporter.value("benchmark_exporter_files_duplicate_total") == 0


def test_a_bad_document_is_refused_with_json_path_and_reason(exporter: Exporter) -> None:
    answer = upload(exporter, changed(perf_suite(), "metrics.compiled.p50_ms", -1))
    assert refused(answer) == (400, "invalid_value")
    assert answer.json["json_path"] == "$.metrics.compiled.p50_ms"
    assert kept(exporter) == []
    assert exporter.value("benchmark_exporter_files_pending") == 0
    assert answered(exporter, 400) == 1


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("?comit=a1b2c3d", "comit is not a parameter; the parameters are project, environment"),
        ("?commit=a1b2c3d&commit=b1b2c3d", "commit is given more than once"),
        ("?timestamp=yesterday", "timestamp: "),
        ("?timestamp=1931-03-01T12:00:00Z", "timestamp: "),
        ("?better=faster", "better: "),
        ("?machine=linux", "machine is not a parameter; the parameters are project, "),
        ("?machine_cpu_count=two", "machine_cpu_count: Expected `int"),
        ("?machine_cpu_count=-2", "machine_cpu_count: Expected `int"),
        (f"?machine_cpu_count={'9' * 5000}", "machine_cpu_count: Expected `int"),
        (f"?machine_cpu_model={'x' * 1025}", "machine_cpu_model: Expected `str` of length <= 1024"),
    ],
)
def test_an_invalid_parameter_is_named(exporter: Exporter, query: str, detail: str) -> None:
    answer = upload(exporter, perf_suite(), query)
    assert refused(answer) == (400, "invalid_parameter")
    assert answer.json["detail"].startswith(detail)
    assert kept(exporter) == []


def test_uploads_are_refused_for_now_while_the_ledger_fails(exporter: Exporter) -> None:
    with closing(
        sqlite3.connect(exporter.folder / "ledger.sqlite3", isolation_level=None)
    ) as other:
        other.execute("BEGIN IMMEDIATE")
        (exporter.results / "a.json").write_text(json.dumps(perf_suite()))
        exporter.until(lambda: "ingest failed" in exporter.log.read_text())
        answer = upload(exporter, perf_suite("run-2"))
        other.execute("ROLLBACK")
    assert refused(answer) == (503, "unavailable")
    assert "database is locked" in answer.json["detail"]
    assert int(answer.headers["Retry-After"]) > 0
    exporter.until(lambda: upload(exporter, perf_suite("run-2")).status in (200, 201))
    exporter.until(lambda: ingested(exporter) == 2)


def test_an_unforeseen_error_of_a_format_is_the_exporters_fault(
    tmp_path: Path, free_port: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    packages = tmp_path / "packages"
    (packages / "clumsy-1.dist-info").mkdir(parents=True)
    (packages / "clumsy-1.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: clumsy\nVersion: 1\n"
    )
    (packages / "clumsy-1.dist-info" / "entry_points.txt").write_text(
        "[benchmark_exporter.formats]\nclumsy = clumsy\n"
    )
    (packages / "clumsy.py").write_text(
        "NAME = 'clumsy'\n"
        "matches = lambda document: 'clumsy' in document\n"
        "parse = lambda *_: 1 / 0\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(packages))
    (tmp_path / "upload_tokens").write_text(TOKEN)
    running = Exporter(tmp_path, free_port(), f"--upload-tokens={tmp_path / 'upload_tokens'}")
    answer = upload(running, {"clumsy": True})
    assert running.stop() == 0
    assert refused(answer) == (500, "internal_error")
    assert "clumsy.py" in running.log.read_text()
    assert kept(running) == []


def test_uploads_are_ingested_again_by_a_new_ledger(exporter: Exporter) -> None:
    upload(exporter, perf_suite())
    exporter.until(lambda: ingested(exporter) == 1)
    assert exporter.stop() == 0
    (exporter.folder / "ledger.sqlite3").write_bytes(b"damaged" * 1000)
    exporter.start()
    assert "the ledger is damaged" in exporter.log.read_text()
    assert ingested(exporter) == 1


def test_what_a_killed_process_left_unfinished_is_removed_at_the_start(exporter: Exporter) -> None:
    good = upload(exporter, HYPERFINE, "?commit=a1b2c3d").json["id"]
    exporter.until(lambda: ingested(exporter, "hyperfine") == 1)
    assert exporter.stop() == 0
    for name in (".0.json.part", "1.meta.json"):
        (exporter.folder / "uploads" / name).write_text("{}")
    exporter.start()
    assert kept(exporter) == [f"{good}.json", f"{good}.meta.json"]
