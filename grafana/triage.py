"""What people said of regressions, and how far their alerts can be trusted, on Alerts."""

from grafana_foundation_sdk.models import dashboard as d

from grafana.board import EXPORTER_URL
from grafana.cells import figure, linked_result, worded
from grafana.no_data import NO_SAMPLE_OF_EXPORTER
from grafana.panels import Panel, bars, now, number
from grafana.selectors import ON_SUBJECT, SUBJECT, with_benchmark, with_page
from grafana.style import CRITICAL, GOOD, NEUTRAL, mapping, thresholds, to_page
from grafana.tables import listing, rows

# What is shown where the exporter counts none, of which it has no series before the first.
NONE = mapping({-1: ("none", NEUTRAL)})
BY_PROJECT = "sum by (instance, project)"
STATES = d.ValueMap(
    options={
        "new": d.ValueMappingResult(text="new", color=CRITICAL),
        **{
            state: d.ValueMappingResult(text=state, color=NEUTRAL)
            for state in ("acknowledged", "fixing", "fixed", "expected", "noise")
        },
    }
)


def counted(name: str = "", by: str = BY_PROJECT, window: str = "28d") -> str:
    """How much a counter of alerts on regressions grew.

    `increase` estimates how much of it lies beyond the samples: of three, it makes four. The ledger
    keeps the totals, so that they do not begin again at 0. What has no sample in the day before the
    window began at 0, which was not always scraped.
    """
    total = f"benchmark_alerts_{name}_total" if name else "benchmark_alerts_total"
    before = f"(last_over_time({total}[1d] offset {window}) or {total} * 0)"
    return f"{by} (clamp_min({total} - {before}, 0))"


def or_none(expr: str, label: str, text: str, value: int = 0) -> str:
    """Add one value where the exporter has nothing to count; without an exporter there is none.

    When it is down, the series of a sum become too old one by one.
    """
    up = "benchmark_exporter_build_info"
    none = f'label_replace(max({up}) * 0 + {value}, "{label}", "{text}", "", "")'
    return f"({expr}) and on () {up} or on () {none}"


def open_regressions() -> Panel:
    # The value is when the state was given, in seconds since 1970.
    since = (
        f"(max by ({SUBJECT}, state, who, ticket) (benchmark_regression_triage_info "
        f"* {ON_SUBJECT} group_left () benchmark_regression_triage_timestamp_seconds) * 1000)"
    )
    panel = listing(
        "Open regressions",
        "Regressions that have not ended, and levels that are expected, with their state and who "
        "gave it.",
        rows(with_page(with_benchmark(since))),
        no_value="No open regression in the newest samples",
        columns=[
            *("state", "benchmark_name", "project", "environment", "branch", "who", "ticket"),
            *("Value", "machine_class", "benchmark", "url"),
        ],
        sort="Since",
    )
    return (
        panel.override_by_name("Value", figure("Since", unit="dateTimeAsIso"))
        .override_by_name("state", worded("State", STATES))
        .override_by_name("benchmark_name", linked_result())
        .links([to_page("As JSON", f"{EXPORTER_URL}/api/v1/triage")])
    )


def real() -> Panel:
    noise = f"({counted('noise')} - {counted('noise_withdrawn')})"
    panel = number(
        "Real, 28 days",
        "Of the regressions that people gave a state in 28 days, the share that was not noise, by "
        "project. RegressionAlertsNoisy fires when it stays below the target, 80 % unless "
        "alerts_real_target_ratio in config.yaml says otherwise.",
        now(
            or_none(f"1 - {noise} / ({counted('triaged')} > 0)", "project", "triaged", -1),
            "{{project}}",
        ),
        unit="percentunit",
        no_value=NO_SAMPLE_OF_EXPORTER,
        named=True,
        words=NONE,
    )
    return panel.decimals(0).thresholds(thresholds(CRITICAL, (0.8, GOOD)))


def a_week() -> Panel:
    panel = number(
        "Alerts in 7 days",
        "Regressions that began in the last seven days, by project.",
        now(or_none(counted(window="7d"), "project", "all projects"), "{{project}}"),
        unit="none",
        no_value=NO_SAMPLE_OF_EXPORTER,
        named=True,
    )
    return panel.decimals(0).thresholds(thresholds(NEUTRAL))


def until(title: str, description: str, seconds: str, count: str) -> Panel:
    """The mean of a time over 28 days, by project."""
    mean = f"round({counted(seconds)} / ({counted(count)} > 0))"
    panel = number(
        title,
        description,
        now(or_none(mean, "project", count, -1), "{{project}}"),
        unit="dtdurations",
        no_value=NO_SAMPLE_OF_EXPORTER,
        named=True,
        words=NONE,
    )
    return panel.decimals(1).thresholds(thresholds(NEUTRAL))


def until_triaged() -> Panel:
    return until(
        "Until somebody takes it",
        "How long it took on average, in the last 28 days, from the beginning of a regression "
        "until a person gave it a state, by project.",
        "triage_seconds",
        "triaged",
    )


def until_closed() -> Panel:
    return until(
        "Until it is closed",
        "How long it took on average, in the last 28 days, from the beginning of a regression "
        "until it ended or its level was declared expected, by project.",
        "close_seconds",
        "closed",
    )


def noisy_benchmarks() -> Panel:
    noise = counted("noise", f"sum by ({SUBJECT})")
    return noise_of(
        "Noise by benchmark, 28 days",
        "Benchmarks with most regressions that turned out to be noise in the last 28 days.",
        noise,
        "benchmark_name",
        "{{benchmark_name}} {{project}} {{environment}} {{branch}}",
    )


def noisy_hosts() -> Panel:
    noise = counted("noise", "sum by (instance, environment, machine_class)")
    return noise_of(
        "Noise by host, 28 days",
        "Environments and machine classes with most regressions that turned out to be noise in the "
        "last 28 days.",
        noise,
        "environment",
        "{{environment}} {{machine_class}}",
    )


def noise_of(title: str, description: str, expr: str, label: str, legend: str) -> Panel:
    panel = bars(
        title,
        description,
        now(or_none(f"topk(10, {expr} > 0)", label, "none so far"), legend),
        unit="none",
        no_value=NO_SAMPLE_OF_EXPORTER,
    )
    return panel.decimals(0).min(0).thresholds(thresholds(NEUTRAL))
