"""Relative addresses of the site's pages, with names of any content in their queries."""

from html import escape
from urllib.parse import urlencode

from benchmark_exporter.model import Scope
from benchmark_exporter.texts.say import ENGLISH, Say


def benchmark_address(scope: Scope, benchmark: str, root: str = "") -> str:
    """The page of a benchmark in a scope. What the scope leaves empty is left to the page."""
    return f"{root}benchmark?{urlencode({'name': benchmark, **_stated(scope)})}"


def triage_address(scope: Scope, since_commit: str, name: str = "") -> str:
    """The page that gives a state to regressions since a commit, or to that of a result."""
    what = {"benchmark_name": name} if name else {"since_commit": since_commit}
    return f"triage?{urlencode({**_stated(scope), **what})}"


def runbook_address(name: str, say: Say, root: str = "") -> str:
    """The page of a runbook in a language; it is in English where that language has none."""
    folder = "" if say.language == ENGLISH.language else f"{say.language}/"
    return f"{root}runbooks/{folder}{name}"


def link(address: str, text: str) -> str:
    """A link as HTML. Both are text."""
    return f'<a href="{escape(address)}">{escape(text)}</a>'


def _stated(scope: Scope) -> dict[str, str]:
    names = ("project", "environment", "branch", "machine_class")
    return {name: value for name in names if (value := getattr(scope, name))}
