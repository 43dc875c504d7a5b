"""A real exporter that can be killed, compared with one that never was."""

import json
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Collection
from contextlib import closing, suppress
from http import HTTPStatus
from pathlib import Path

from benchmark_exporter.config import Config
from tests.support.documents import bench_guard, perf_suite, pipeline
from tests.support.process import COMMAND, DEADLINE_SECONDS, Exporter
from tests.support.wired import DEFINITIONS, Labels, Samples, Wired, samples

# Nothing is held at 0, uploads need not wait and all series are shown; everything else has its
# default.
CONFIG = Config(counter_hold_seconds=0, histogram_hold_seconds=0, max_series=10**6)
CONFIG_YAML = """\
counter_hold_seconds: 0
histogram_hold_seconds: 0
max_series: 1000000
upload_burst: 100000
upload_rate_per_second: 100000
"""
# Only how often and when something was committed or reported, and which runs were there when it was
# checked for drifts, may depend on the kills,
NOT_COMPARED = {
    "benchmark_exporter_ledger_commits",
    "benchmark_exporter_last_ingest_timestamp_seconds",
    "benchmark_drift_ratio",
    "benchmark_drift_since_timestamp_seconds",
    "benchmark_regression_reported_timestamp_seconds",
}
# and, where runs are late, which regressions were confirmed at some time and counted. One that has
# passed meanwhile is still shown until it is reported.
LATE_PROJECT = "late"
PASSED = "benchmark_regression_passed_info"
SHOWN_OF_A_PASSED_ONE = "benchmark_regression_"
NOT_COMPARED_IF_LATE = {
    "benchmark_regressions_confirmed_total",
    "benchmark_regressions_suppressed_total",
    "performance_regression_detected_total",
}
# What became of those, and since when each is open.
PREFIXES_NOT_COMPARED_IF_LATE = ("benchmark_alerts_", "benchmark_regression_triage_")
SERIES = "benchmark_exporter_series"


class Process(Exporter):
    """An exporter whose counters are not held at 0."""

    def __init__(self, folder: Path, port: int, ledger: Path | None = None) -> None:
        self.config = folder / "config.yaml"
        self.config.write_text(CONFIG_YAML)
        self.ledger = ledger or folder / "ledger.sqlite3"
        self.tokens = folder / "upload_tokens"
        self.launches = 0
        self.late: Collection[str] = {LATE_PROJECT}
        super().__init__(folder, port)

    def launch(self) -> None:
        self.launches += 1
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *COMMAND,
                    "serve",
                    f"--listen=127.0.0.1:{self.port}",
                    f"--results-dir={self.results}",
                    f"--ledger={self.ledger}",
                    f"--config={self.config}",
                    f"--upload-tokens={self.tokens}",
                    "--stream-listen=off",
                ],
                stderr=log,
            )

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def until_listening(self) -> None:
        """Waits for the moment before the first scan after the launch."""
        self.until(lambda: self.logged("listens on") == self.launches)

    def logged(self, text: str) -> int:
        """How often the log contains a text."""
        return self.log.read_text().count(text)

    def shown(self) -> Samples | None:
        """Its exposition; None while it does not answer or has nothing to show yet."""
        status, text = 0, ""
        with suppress(OSError):
            status, text = self.status_of("/metrics?collect[]=state&collect[]=distributions")
        return comparable(text, self.late) if status == HTTPStatus.OK else None

    def until_shown(self, expected: Samples, deadline_seconds: float = DEADLINE_SECONDS) -> None:
        """Waits for an exposition; at the deadline, fails with the difference from it."""
        deadline = time.monotonic() + deadline_seconds
        while (shown := self.shown()) != expected and time.monotonic() < deadline:
            time.sleep(0.1)
        assert shown == expected, difference(shown or {}, expected)


def late_projects(ledger: Path) -> Collection[str]:
    """The projects of which a run was ingested after one that was made later.

    A scan may miss a file that is written while it lists the folder, and find the next one.
    """
    late, newest = {LATE_PROJECT}, dict[str, float]()
    with closing(sqlite3.connect(f"{ledger.as_uri()}?mode=ro", uri=True)) as connection:
        for project, made in connection.execute(
            "SELECT project, timestamp_seconds FROM runs ORDER BY id"
        ):
            if made < newest.get(project, made):
                late.add(project)
            newest[project] = max(made, newest.get(project, made))
    return late


def comparable(exposition: str, late: Collection[str] = (LATE_PROJECT,)) -> Samples:
    """The samples that do not depend on when the exporter was killed.

    `late` are the projects with late runs. Sums are rounded, because their last digits depend on
    the order. The number of series of a part is without those that are left out here.
    """
    exposed = samples(exposition)
    passed = {_result(labels) for labels in exposed.get(PASSED, {})}
    compared: dict[str, dict[Labels, float]] = {}
    left_out: Counter[str] = Counter()
    for name, series in exposed.items():
        kept = {
            labels: round(value, 6) if name.endswith("_sum") else value
            for labels, value in series.items()
            if not _depends_on_kills(name, labels, passed, late)
        }
        compared |= {name: kept} if kept else {}
        if name in DEFINITIONS:
            left_out[DEFINITIONS[name].collect] += len(series) - len(kept)
    for labels in compared.get(SERIES, {}):
        compared[SERIES][labels] -= left_out[dict(labels)["part"]]
    return compared


def _depends_on_kills(
    name: str, labels: Labels, passed: Collection[Labels], late: Collection[str]
) -> bool:
    if dict(labels).get("project") not in late:
        return name in NOT_COMPARED
    is_of_passed_one = name.startswith(SHOWN_OF_A_PASSED_ONE) and _result(labels) in passed
    is_counted_once = name.startswith(PREFIXES_NOT_COMPARED_IF_LATE)
    return name in NOT_COMPARED | NOT_COMPARED_IF_LATE or is_of_passed_one or is_counted_once


def _result(labels: Labels) -> Labels:
    """The labels that name a result."""
    return frozenset(
        label
        for label in labels
        if label[0] in DEFINITIONS["benchmark_regression_confirmed"].labels
    )


def difference(shown: Samples, expected: Samples) -> str:
    """Each series whose value differs from the expected one."""
    return "\n".join(
        f"{name}{dict(labels)}: {values.get(labels)} instead of {wanted.get(labels)}"
        for name in sorted(shown.keys() | expected.keys())
        for values, wanted in [(shown.get(name, {}), expected.get(name, {}))]
        for labels in values.keys() | wanted.keys()
        if values.get(labels) != wanted.get(labels)
    )


def drop_batch(results: Path, batch: int) -> None:
    """Drops runs, gates' outcomes, a pipeline and a file that is rejected.

    They are so many that the ledger's big tables have several pages.
    """
    documents = [
        perf_suite(f"{batch}-{number}", timestamp=f"2026-03-01T{batch:02}:00:{number:02}Z")
        for number in range(60)
    ]
    documents.append(
        bench_guard(
            {f"suite {number}": number / 2 for number in range(1, 40)},
            passed=False,
            fast_p50_us=2.0**batch,
        )
    )
    documents.append(pipeline(f"{batch}"))
    for number, document in enumerate([*documents, {"hello": batch}]):
        (results / f"{batch}-{number}.json").write_text(json.dumps(document))


def undisturbed(results: Path, folder: Path, late: Collection[str] = (LATE_PROJECT,)) -> Samples:
    """The exposition for a results folder of an exporter with a new ledger that is never killed."""
    folder.mkdir()
    (folder / "results").symlink_to(results)
    wired = Wired(folder, CONFIG)
    wired.settle()
    wired.search_changes()
    expected = comparable(wired.exposition(), late)
    wired.ledger.close()
    return expected
