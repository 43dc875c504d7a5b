"""`benchmark-exporter check`: a file's numbers with their units, or exactly what is wrong."""

import json
from pathlib import Path

import pytest

from benchmark_exporter.commands.file_check import check_file
from benchmark_exporter.config import Config
from benchmark_exporter.names import Alias
from tests.support.paths import REPOSITORY

GOLDEN = REPOSITORY / "tests/exporter/golden"


@pytest.mark.parametrize(
    ("name", "line"),
    [
        (
            "bench_suite/1-comprehensive",
            (
                "parsing: p50 8 µs, p95 16 µs, p99 32 µs, mean 10 µs, min 4 µs, max 64 µs, "
                "stddev 2 µs, 50 samples"
            ),
        ),
        ("bench_suite/1-comprehensive", "parsing/memory_delta: mean 2.097 MB, lower is better"),
        (
            "bench_suite/1-comprehensive",
            "rendering: failed: Warmup failed: no module named 'parser'",
        ),
        ("golden_metrics/1-metrics", "golden/throughput: mean 4000 per second, higher is better"),
        ("golden_metrics/1-metrics", "golden/hits: mean 0.75, higher is better"),
        ("perf_analyze/1-analysis", "parsing/findings/high: mean 2 findings, lower is better"),
        (
            "perf_analyze/1-analysis",
            "parsing/share/split: mean 0.4, has no known direction",
        ),
        ("github_action_benchmark/2-bigger", "Battery: mean 36,000 s, higher is better"),
        (
            "hyperfine_with_sidecar/1-run",
            "project router, environment self-hosted, commit a1b2c3d",
        ),
        ("hyperfine_with_sidecar/1-run", "with its sidecar 1-run.meta.json"),
        (
            "hyperfine_with_sidecar/1-run.meta",
            (
                "project router, environment self-hosted, commit a1b2c3d, branch main, "
                "timestamp 2026-03-01 21:00:00+09:00"
            ),
        ),
        ("perf_suite_pass/1-run", "router: speedup p50 20.00x, passes its gate"),
    ],
)
def test_numbers_have_their_units(name: str, line: str) -> None:
    accepted, lines = check_file(GOLDEN / f"{name}.json", Config())
    assert accepted
    assert f"  {line}" in lines


def test_an_alias_says_what_a_name_goes_on_as() -> None:
    config = Config(aliases=[Alias("parsing", "parser"), Alias("routing", "x", "another")])
    accepted, lines = check_file(GOLDEN / "bench_suite/1-comprehensive.json", config)
    assert accepted
    assert "  parsing: goes on as parser, by an alias of config.yaml" in lines
    assert (
        "  parsing/memory_delta: goes on as parser/memory_delta, by an alias of config.yaml"
        in lines
    )
    assert "  parser/memory_delta: mean 2.097 MB, lower is better" in lines
    assert not [line for line in lines if " as x" in line]


def test_an_executable_is_named() -> None:
    _, lines = check_file(GOLDEN / "google_benchmark/1-run.json", Config())
    assert "  executable copy_bench, which precedes names that another one has already" in lines


def test_a_baseline_is_named_as_one() -> None:
    path = GOLDEN / "bench_suite/5-baseline.json"
    assert check_file(path, Config()) == (
        True,
        [
            (
                f"{path}: bench_suite_baseline document, a baseline of rendering: "
                "recorded, but not as a run"
            )
        ],
    )


def test_a_local_time_is_shown_in_utc_by_the_configured_zone() -> None:
    _, lines = check_file(GOLDEN / "bench_suite/2-module.json", Config(timezone="Asia/Tokyo"))
    assert " of 2026-03-01 12:00:02+00:00" in lines[0]


def test_one_sample_is_singular(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"results": [{"command": "make", "mean": 1.0, "times": [1.0]}]}')
    _, lines = check_file(path, Config())
    assert any(line.endswith(", 1 sample") for line in lines), lines


def test_a_bad_sidecar_is_named_with_its_document(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes((GOLDEN / "hyperfine_with_sidecar/1-run.json").read_bytes())
    (tmp_path / "a.meta.json").write_text('{"comit": "a1b2c3d"}')
    accepted, lines = check_file(tmp_path / "a.json", Config())
    assert not accepted
    (line,) = lines
    assert line.startswith(f"{tmp_path}/a.json: rejected: invalid_value at $: in its ")
    assert line.endswith(": Object contains unknown field `comit`")


def test_a_sidecars_machine_is_shown_by_its_class(tmp_path: Path) -> None:
    (tmp_path / "a.meta.json").write_text(
        '{"commit": "a1b2c3d", "machine": {"os": "Linux", "cpu_count": 4}}'
    )
    accepted, lines = check_file(tmp_path / "a.meta.json", Config())
    assert accepted
    assert lines == [
        f"{tmp_path}/a.meta.json: sidecar of a.json",
        "  commit a1b2c3d, machine linux 4 cpus",
    ]


def test_a_name_that_would_be_ignored_is_reported(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes((GOLDEN / "perf_suite_pass/1-run.json").read_bytes())
    accepted, lines = check_file(tmp_path / "a.txt", Config())
    assert accepted
    assert lines[-1].startswith("  under this name it would be ignored")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert check_file(tmp_path / "a.json", Config()) == (
        False,
        [f"{tmp_path}/a.json: rejected: there is no such file"],
    )


def test_a_file_in_the_working_directory_is_found_by_its_name_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(GOLDEN / "hyperfine_with_sidecar")
    accepted, lines = check_file(Path("1-run.json"), Config())
    assert accepted
    assert lines[0].startswith("1-run.json: hyperfine document")
    assert lines[-1] == "  with its sidecar 1-run.meta.json"


def test_a_file_in_a_folder_that_is_not_read_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    good = (GOLDEN / "perf_suite_pass/1-run.json").read_bytes()
    folders = ("results/.benchmarks/Linux", "results/.cache", "plain")
    for folder in folders:
        Path(folder).mkdir(parents=True)
        (Path(folder) / "1.json").write_bytes(good)
    said = [check_file(Path(folder) / "1.json", Config())[1][-1] for folder in folders]
    assert ["would be ignored below .cache" in line for line in said] == [False, True, False]
    absolute = tmp_path / "results/.cache/1.json"
    assert "would be ignored below .cache" in check_file(absolute, Config())[1][-1]


@pytest.mark.parametrize("folder", ["results/criterion", "target/criterion"])
def test_folders_of_the_results_name_a_benchmark_as_in_ingest(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path(folder) / "fib/20/new/estimates.json"
    path.parent.mkdir(parents=True)
    path.write_bytes((GOLDEN / "criterion/1-estimates.json").read_bytes())
    accepted, lines = check_file(path, Config())
    assert accepted
    assert lines[-1].startswith("  fib/20: p50 18.14 ms")


@pytest.mark.parametrize(
    ("text", "how_long"),
    [('{"context": {}, "benchmarks": [', "6 hours"), ("", "6 hours"), ('{"run": {', "5 minutes")],
)
def test_a_file_that_is_not_finished_is_incomplete_and_not_rejected(
    tmp_path: Path, text: str, how_long: str
) -> None:
    (tmp_path / "a.json").write_text(text)
    accepted, (line,) = check_file(tmp_path / "a.json", Config())
    assert not accepted
    assert line.startswith(f"{tmp_path}/a.json: incomplete: the file ends before its JSON does;")
    assert line.endswith(f"rejected if it does not change for {how_long}")


def test_notes_say_what_was_left_out_and_numbered(tmp_path: Path) -> None:
    entries = [{"name": "a", "unit": "s", "value": value} for value in (1, 2, 5e15)]
    (tmp_path / "a.json").write_text(json.dumps(entries))
    accepted, lines = check_file(tmp_path / "a.json", Config())
    assert accepted
    assert "  implausible, and left out: $[2].value" in lines
    assert any(line.startswith("  numbered, since more than one") for line in lines)
