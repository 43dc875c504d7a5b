"""Relative addresses of the site's pages, with names of any content in their queries."""

from html import escape
from urllib.parse import urlencode

from benchmark_exporter.model import Scope


def benchmark_address(scope: Scope, benchmark: str, root: str = "") -> str:
    """The page of a benchmark in a scope. What the scope leaves empty is left to the page."""
    return f"{root}benchmark?{urlencode({'name': benchmark, **_stated(scope)})}"


def triage_address(scope: Scope, since_commit: str, name: str = "") -> str:
    """The page that gives a state to regressions since a commit, or to that of a result."""
    what = {"benchmark_name": name} if name else {"since_commit": since_commit}
    return f"triage?{urlencode({**_stated(scope), **what})}"


def runbook_address(name: str, root: str = "") -> str:
    """The page of a runbook, in the language of whoever opens it."""
    return f"{root}runbooks/{name}"


def link(address: str, text: str) -> str:
    """A link as HTML. Both are text."""
    return f'<a href="{escape(address)}">{escape(text)}</a>'


def _stated(scope: Scope) -> dict[str, str]:
    names = ("project", "environment", "branch", "machine_class")
    return {name: value for name in names if (value := getattr(scope, name))}
