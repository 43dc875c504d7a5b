"""The Overview dashboard.

Is anything slower, since which commit and by how much? Is it the code or the machine? Can the data
be trusted?
"""

from grafana_foundation_sdk.builders import common, dashboard
from grafana_foundation_sdk.models import common as c
from grafana_foundation_sdk.models import dashboard as d

from grafana import few
from grafana.alerts import firing_alerts
from grafana.board import Board
from grafana.cells import OPENS_COMMIT, OPENS_COMMITS_SINCE, figure, label, linked_result, worded
from grafana.exporters import targets
from grafana.moved_together import moved_together
from grafana.no_data import NO_CI_RUN, NO_GATE, NO_RUN_NOW, NO_SAMPLE, NO_SAMPLE_OF_EXPORTER
from grafana.overview_benchmarks import (
    execution_time,
    memory,
    newest_runs,
    regression_rate,
    regressions_by_commit,
    speedup,
    verdicts,
)
from grafana.panels import NAME_PIXELS, Panel, now, number, tally
from grafana.selectors import (
    BY_SUBJECT,
    FIRING,
    NO_ALERT,
    NOT_PASSED,
    NOT_SHIFTED,
    OF_PROJECT,
    ON_SUBJECT,
    RESULT,
    RUN,
    SCOPE,
    SUBJECT,
    with_benchmark,
    with_page,
)
from grafana.style import (
    CRITICAL,
    GOOD,
    NEUTRAL,
    PASSED,
    WARNING,
    mapping,
    thresholds,
)
from grafana.tables import listing, rows

# Where there is nothing to count there is no series. If the exporter is down, panels show no number
# rather than a 0.
EXPORTER_IS_UP = "max(benchmark_exporter_build_info) * 0"
MACHINE = {
    1: ("machine changed", WARNING),
    0: ("no shift", GOOD),
    -1: ("not checked", NEUTRAL),
}
# When it is down, the last samples of its series become too old one by one.
IF_UP = "and on () benchmark_exporter_build_info"
WORKING = {1: ("all parts up", GOOD), 0: ("a part is down", CRITICAL)}


def overview() -> dashboard.Dashboard:
    """Build Overview, ordered from what is wrong now to older history."""
    board = Board(
        "Overview",
        "Is anything slower, since which commit, by how much, and can the monitoring be trusted?",
        since="now-2h",
        variables=True,
    )
    board.annotate()
    board.place(
        4, regressions(), unconfirmed(), code_or_machine(), alerts(), newest_run_age(), monitoring()
    )
    board.place(7, slower_now())
    board.place(7, firing_alerts())
    board.row("Benchmarks")
    board.place(10, speedup(), execution_time())
    board.place(9, verdicts(), regressions_by_commit())
    board.place(9, newest_runs())
    board.place(8, regression_rate(), memory())
    board.place(7, moved_together())
    board.row("CI and the monitoring itself")
    board.place(7, pipelines(), failed_gates(), files(), targets(), widths=(6, 4, 6, 8))
    return board.dashboard


def regressions() -> Panel:
    return tally(
        "Confirmed regressions",
        "Results whose newest run is a confirmed regression against their own history, without "
        "those that moved with an environment shift.",
        now(
            f"sum(benchmark_regression_confirmed{{{RESULT}}} {NOT_SHIFTED}) or {EXPORTER_IS_UP}",
            "critical",
        ),
        color=CRITICAL,
        no_value=NO_SAMPLE_OF_EXPORTER,
    )


def unconfirmed() -> Panel:
    return tally(
        "Unconfirmed",
        "Results with a small, lasting change for the worse, "
        "without those that moved with an environment shift.",
        now(
            f"sum(1 - benchmark_regression_confirmed{{{RESULT}}} {NOT_SHIFTED}) "
            f"or {EXPORTER_IS_UP}",
            "warning",
        ),
        color=WARNING,
        no_value=NO_SAMPLE_OF_EXPORTER,
    )


def code_or_machine() -> Panel:
    shift = f"benchmark_environment_shift_active{{{SCOPE}}}"
    panel = number(
        "Code or machine",
        "Whether nearly all results of some environment moved by about the same ratio, as on "
        "another machine. Checked for runs with at least four judged results.",
        now(f"max({shift}) {IF_UP} or {EXPORTER_IS_UP} - 1", "shift"),
        unit="none",
        no_value=NO_SAMPLE_OF_EXPORTER,
        words=mapping(MACHINE),
    )
    return panel.decimals(0).thresholds(thresholds(GOOD, (1, WARNING)))


def alerts() -> Panel:
    def firing(severity: str) -> str:
        return f'count(ALERTS{{{FIRING}, severity="{severity}"}}) or {NO_ALERT}'

    panel = number(
        "Alerts firing",
        "Alerts firing now, except the Watchdog.",
        now(firing("critical"), "critical"),
        now(firing("warning"), "warnings", ref="B"),
        unit="none",
        no_value=NO_SAMPLE,
        named=True,
    )
    return (
        panel.decimals(0)
        .thresholds(thresholds(GOOD, (1, CRITICAL)))
        .override_by_name(
            "warnings", [d.DynamicConfigValue("thresholds", thresholds(GOOD, (1, WARNING)).build())]
        )
        .orientation(c.VizOrientation.VERTICAL)
        .text(common.VizTextDisplayOptions().title_size(NAME_PIXELS).value_size(40))
    )


def newest_run_age() -> Panel:
    panel = number(
        "Time since newest run",
        "Time since the newest run, according to its own document. A benchmark that nobody "
        "runs cannot regress, so more than a day is worth checking.",
        now(f"time() - max(benchmark_last_run_timestamp_seconds{{{RUN}}}) {IF_UP}", "age"),
        unit="dtdurations",
        no_value=NO_RUN_NOW,
    )
    return panel.decimals(0).thresholds(thresholds(NEUTRAL, (86400, WARNING)))


def monitoring() -> Panel:
    panel = number(
        "Monitoring",
        "Whether Prometheus can scrape every part of the stack. If not, the data shown may be "
        "old; Stack health shows which part is down.",
        now("min(up)", "up"),
        unit="none",
        no_value=NO_SAMPLE,
        words=mapping(WORKING),
    )
    return panel.decimals(0).thresholds(thresholds(CRITICAL, (1, GOOD)))


def of_regression(metric: str) -> str:
    """Return a metric of each regressed result, with the labels `benchmark` and its commits."""
    labels = f"benchmark, {SUBJECT}, commit_hash, previous_commit_hash"
    of_benchmark = with_benchmark(f"(benchmark_regression_info{{{RESULT}}} {NOT_PASSED})")
    found = f"max by ({labels}) ({of_benchmark}"
    return f"{found} * {ON_SUBJECT} group_left () {BY_SUBJECT} ({metric}))"


def slower_now() -> Panel:
    panel = listing(
        "Slower now",
        "Each result that is worse than its own history: by how much, how much of that could "
        "be chance, the last good commit, and since when the alert has been firing.",
        rows(with_page(of_regression("benchmark_regression_worsening_ratio"))),
        rows(of_regression("benchmark_regression_noise_ratio"), ref="B"),
        rows(of_regression("benchmark_regression_confirmed"), ref="C"),
        rows(of_regression('ALERTS_FOR_STATE{alertname="PerformanceRegression"} * 1000'), ref="D"),
        no_value="No regression in the newest samples",
        columns=[
            "Value #C",
            "Value #A",
            "benchmark_name",
            "environment",
            "previous_commit_hash",
            "commit_hash",
            "Value #D",
            "Value #B",
            "project",
            "branch",
            "machine_class",
            "benchmark",
            "url",
        ],
        sort="Worse by",
    )
    severity = {1: ("critical", CRITICAL), 0: ("warning", WARNING)}
    return (
        panel.override_by_name("Value #A", figure("Worse by", unit="percentunit", decimals=0))
        .override_by_name("Value #B", figure("Chance", unit="percentunit", decimals=0))
        .override_by_name(
            "Value #C",
            worded("Verdict", mapping(severity)),
        )
        .override_by_name("Value #D", figure("Since", unit="dateTimeAsIso"))
        .override_by_name("benchmark_name", linked_result())
        .override_by_name(
            "commit_hash", label("commit_hash", links=[OPENS_COMMIT, OPENS_COMMITS_SINCE])
        )
    )


def pipelines(selector: str = 'project=~"$project"') -> Panel:
    panel = number(
        "Pipelines",
        "Outcome of the newest run of ten CI pipelines, by branch and trigger, failed ones first.",
        now(
            f"bottomk(10, min by ({few.OF_PIPELINE}) (ci_pipeline_status{{{selector}}}))",
            f"{{{{pipeline}}}} {{{{branch}}}} {{{{trigger}}}}{OF_PROJECT}",
        ),
        unit="none",
        no_value=NO_CI_RUN,
        named=True,
        words=mapping(PASSED),
    )
    return panel.thresholds(thresholds(CRITICAL, (1, GOOD)))


def failed_gates() -> Panel:
    gates = f'{BY_SUBJECT} (benchmark_gate_passed{{criterion="overall", {RUN}}})'
    return tally(
        "Failed gates",
        "Benchmarks whose newest run failed its gate.",
        now(f"count({gates} == 0) {IF_UP} or count({gates}) * 0 {IF_UP}", "failed"),
        color=CRITICAL,
        no_value=NO_GATE,
    )


def files() -> Panel:
    panel = number(
        "Result files",
        "Files with new content and files already known, since the ledger was created; files "
        "not yet complete, and rejected files now in the folder. The exporter's page lists "
        "each rejected file with the reason.",
        now(f"sum(benchmark_exporter_files_ingested_total) or {EXPORTER_IS_UP}", "ingested"),
        now("sum(benchmark_exporter_files_duplicate_total)", "already known", ref="B"),
        now("sum(benchmark_exporter_files_pending)", "incomplete", ref="C"),
        now(f"sum(benchmark_exporter_rejected_files) or {EXPORTER_IS_UP}", "rejected", ref="D"),
        unit="none",
        no_value=NO_SAMPLE_OF_EXPORTER,
        named=True,
    )
    return (
        panel.decimals(0)
        .thresholds(thresholds(NEUTRAL))
        .override_by_name(
            "rejected", [d.DynamicConfigValue("thresholds", thresholds(GOOD, (1, WARNING)).build())]
        )
    )
