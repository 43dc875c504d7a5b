"""The alerts that the delivery tests send, as Prometheus sends them."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Alert:
    """An alert as Prometheus sends it."""

    labels: dict[str, str]
    annotations: dict[str, str]
    generator_url: str


# Where a result comes from. Its machine class is unknown, so Prometheus drops that label.
SCOPE = {"project": "router", "environment": "ci", "branch": "main"}
# Each differs from it in one label.
OTHER_SCOPES = (
    SCOPE | {"project": "parser"},
    SCOPE | {"environment": "local"},
    SCOPE | {"branch": "release/1"},
    SCOPE | {"machine_class": "linux arm64"},
)


def performance_alert(
    name: str, severity: str, benchmark: str, scope: Mapping[str, str] = SCOPE
) -> Alert:
    return Alert(
        {
            "alertname": name,
            "severity": severity,
            "benchmark_name": benchmark,
            "team": "performance-engineering",
            **scope,
        },
        {
            "summary": f"{name} of {benchmark}, 8.20 < 10 & falling",
            # The colon makes it a YAML mapping, which PagerDuty's details must not become.
            "description": "p50 speedup 8.20 (threshold: 10)",
            "runbook_url": f"http://localhost:8000/runbooks/{name}",
        },
        f"http://localhost:9090/graph?g0.expr={name}&g0.tab=1",
    )


CRITICAL = performance_alert("CriticalPerformanceRegression", "critical", "compile")
WARNING = performance_alert("PerformanceBelowThreshold", "warning", "expand")
INHIBITED_BY_CRITICAL = performance_alert("PerformanceBelowThreshold", "warning", "compile")
INHIBITED_BY_BOTH = performance_alert("PerformanceGateFailed", "warning", "compile")
INHIBITED_BY_WARNING = performance_alert("PerformanceGateFailed", "warning", "expand")
NOT_INHIBITED = [
    performance_alert("PerformanceBelowThreshold", "warning", "compile", scope)
    for scope in OTHER_SCOPES
]
WATCHDOG = Alert(
    {"alertname": "Watchdog", "severity": "none", "team": "devops"},
    {"summary": "Alerts are delivered"},
    "",
)
# Two in one group, since neither has a benchmark.
REJECTED_EMPTY, REJECTED_HUGE = (
    Alert(
        {
            "alertname": "ResultFileRejected",
            "severity": "warning",
            "reason": reason,
            "team": "performance-engineering",
        },
        {
            "summary": f"1 file rejected ({reason})",
            "description": f"Reason {reason}.",
            "runbook_url": "http://localhost:8000/runbooks/R",
        },
        "",
    )
    for reason in ("empty", "huge")
)


def regression(
    severity: str, benchmark: str, *, commit: str, scope: Mapping[str, str] = SCOPE
) -> Alert:
    """A PerformanceRegression as its rule creates it; `commit` is the last good one."""
    return Alert(
        {
            "alertname": "PerformanceRegression",
            "severity": severity,
            "team": "performance-engineering",
            "job": "benchmark-exporter",
            "instance": "benchmark-exporter",
            "benchmark_name": benchmark,
            "last_good_commit": commit,
            **scope,
        },
        {
            "summary": (
                f"{benchmark} of {scope['project']} became 30% worse in {scope['environment']} on "
                f"{scope['branch']}, 12ms → 15.6ms"
            ),
            "description": f"Up to 6.1% could be chance. The last good run was of commit {commit}.",
            "dashboard_url": (
                "http://localhost:3000/d/benchmark"
                f"?var-project={scope['project']}&var-environment={scope['environment']}"
                f"&var-branch={scope['branch']}&var-benchmark={benchmark}"
            ),
            "commit_url": f"http://localhost:8000/commit?hash=fff&project=router&after={commit}",
            "triage_url": f"http://localhost:8000/triage?benchmark_name={benchmark}&branch=main",
            "runbook_url": "http://localhost:8000/runbooks/PerformanceRegression",
        },
        "",
    )


# One commit made two benchmarks worse, each in one environment, and another commit a third one.
OF_ONE_COMMIT = [
    regression("critical", "compile", commit="aaa"),
    regression("warning", "expand", commit="aaa", scope=SCOPE | {"environment": "local"}),
]
OF_ANOTHER = regression("warning", "parse", commit="bbb")
# A warning that has become critical.
BECOMES_CRITICAL = regression(
    "warning", "compile", commit="eee", scope=SCOPE | {"project": "grown"}
)
HAS_BECOME_CRITICAL = regression(
    "critical", "compile", commit="eee", scope=SCOPE | {"project": "grown"}
)
# Warnings of the same benchmark elsewhere, of commits of their own so that each is a message.
OF_OTHER_SCOPES = [
    regression("warning", "compile", commit=f"f{number}", scope=scope)
    for number, scope in enumerate(OTHER_SCOPES)
]
SHIFT = Alert(
    {"alertname": "EnvironmentShift", "severity": "warning", **SCOPE},
    {"summary": "All moved"},
    "",
)
# Many results of one commit, one of them as an alert of its own too, and one of another commit.
COMMON = Alert(
    {
        "alertname": "CommonRegression",
        "severity": "critical",
        "team": "performance-engineering",
        "job": "benchmark-exporter",
        "instance": "benchmark-exporter",
        "last_good_commit": "ggg",
        **SCOPE,
        "project": "common",
    },
    {"summary": "25 of 50 results of common became worse in ci on main, +15%, since commit ggg"},
    "",
)
OF_COMMON, BESIDE_COMMON = (
    regression("critical", "common", commit=commit, scope=SCOPE | {"project": "common"})
    for commit in ("ggg", "hhh")
)
# More than one message holds, all of one commit.
MANY = [
    regression("critical", f"many/{number:02}", commit="ccc", scope=SCOPE | {"project": "many"})
    for number in range(12)
]
# Text that may break YAML, JSON, mail headers or Slack's markup.
HOSTILE = Alert(
    {
        "alertname": "Hostile",
        "severity": "critical",
        "benchmark_name": 'say "x": [1,\n\\2] & <b>日本語',
    },
    {
        "summary": 'key: "value", it\'s {{ braces }} 性能が低下しました',
        "description": (
            "first line: 'quoted'\n- second \"line\"\n  third: \\n, 50 % slower → 遅い 🐢"
        ),
        "runbook_url": "http://localhost:8000/runbooks/Hostile",
    },
    "",
)
LONG = Alert(
    {"alertname": "Long", "severity": "critical", "benchmark_name": "long"},
    {"summary": "長" * 3000, "description": "d" * 90000},
    "",
)
FIRED = [
    *(
        CRITICAL,
        WARNING,
        INHIBITED_BY_CRITICAL,
        INHIBITED_BY_BOTH,
        INHIBITED_BY_WARNING,
        WATCHDOG,
        REJECTED_EMPTY,
        REJECTED_HUGE,
    ),
    *(
        *NOT_INHIBITED,
        *OF_ONE_COMMIT,
        OF_ANOTHER,
        BECOMES_CRITICAL,
        *OF_OTHER_SCOPES,
        SHIFT,
        *(COMMON, OF_COMMON, BESIDE_COMMON),
        *MANY,
        HOSTILE,
        LONG,
    ),
]
