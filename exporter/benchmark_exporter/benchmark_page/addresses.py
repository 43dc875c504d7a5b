"""Where the pages of benchmarks are, and what they link to."""

import re
from urllib.parse import quote, urlencode

from benchmark_exporter.links import Links
from benchmark_exporter.model import Scope

PAGE, LIST, COMMIT = "benchmark", "benchmarks", "commit"
# Prometheus has them of a result; see metrics.yaml.
_VALUE_METRIC = "benchmark_judged_value"
_IN_STRING = {"\\": "\\\\", '"': '\\"', "\n": "\\n"}


def address(
    name: str,
    scope: Scope | None = None,
    *,
    project: str | None = None,
    environment: str | None = None,
    branch: str | None = None,
    machine_class: str | None = None,
) -> str:
    """The address of a benchmark's page, relative to the site's root; not escaped for HTML.

    `name` is that of a benchmark or of one of its results. `scope`, or else what is given of one,
    says which of its histories is shown; `branch` is a tracked one. The page lets the reader choose
    what is left out.
    """
    given = {
        "project": project,
        "environment": environment,
        "branch": branch,
        "machine_class": machine_class,
    }
    if scope is not None:
        given = {field: getattr(scope, field) for field in given}
    return with_query(PAGE, name=name, **given)


def commit_address(commit_hash: str, project: str) -> str:
    """The address that leads to a project's commit, relative to the site's root; likewise."""
    return with_query(COMMIT, hash=commit_hash, project=project)


def with_query(path: str, **query: str | None) -> str:
    """A path with a query; what is None is left out."""
    given = {name: value for name, value in query.items() if value is not None}
    # Not `+` for a space, which only forms mean.
    return f"{path}?{urlencode(given, quote_via=quote)}" if given else path


def dashboard(links: Links, benchmark: str, scope: Scope, days: int | None) -> str | None:
    """The address of the Benchmark dashboard of a benchmark; None if Grafana's is unknown.

    `days` is how far back it shows, None for all that a year has.
    """
    base = links.urls.get("grafana")
    if base is None:
        return None
    variables = {
        "var-project": scope.project,
        "var-environment": scope.environment,
        "var-machine_class": scope.machine_class or None,
        "var-branch": scope.branch or None,
        "var-benchmark": benchmark,
    }
    span = {"from": f"now-{days or 365}d", "to": "now"}
    return with_query(f"{base}/d/benchmark", **variables, **span)


def graph(links: Links, result: str, scope: Scope, days: int | None) -> str | None:
    """The address of Prometheus' graph of a result; None if Prometheus' is unknown."""
    base = links.urls.get("prometheus")
    if base is None:
        return None
    labels = {"benchmark_name": result, **{each: getattr(scope, each) for each in _LABELS}}
    matchers = ", ".join(f'{name}="{_in_string(value)}"' for name, value in labels.items())
    query = {
        "g0.expr": f"{_VALUE_METRIC}{{{matchers}}}",
        "g0.tab": "0",
        "g0.range_input": f"{days or 365}d",
    }
    return with_query(f"{base}/graph", **query)


def triage_form(result: str, scope: Scope) -> str:
    """The address of the page that confirms what is said of a regression."""
    labels = {each: getattr(scope, each) for each in _LABELS}
    return with_query("triage", benchmark_name=result, **labels)


_LABELS = ("project", "environment", "machine_class", "branch")


def _in_string(value: str) -> str:
    """A value as it stands in a string of PromQL."""
    return re.sub(r'[\\"\n]', lambda match: _IN_STRING[match[0]], value)
