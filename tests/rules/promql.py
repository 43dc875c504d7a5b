"""Metric names in PromQL expressions."""

import re
from collections.abc import Iterator

from benchmark_exporter.metrics.definitions import Definition

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
# A selector's labels, a range or offset, and the label lists of aggregations and vector matching
# contain no metric names.
_NO_METRIC = re.compile(
    r"\{[^}]*\}|\[[^\]]*\]|\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)"
)
_NAME = re.compile(r"(?<![\w:.])[a-zA-Z_:][\w:]*\b(?!\s*\()")
_KEYWORDS = {
    "and",
    "or",
    "unless",
    "bool",
    "offset",
    "by",
    "without",
    "on",
    "ignoring",
    "group_left",
    "group_right",
    "inf",
    "nan",
}
# In a text, a query is a string built by printf and passed to `query`.
_QUERY_IN_TEXT = re.compile(r'printf ("(?:[^"\\]|\\.)*")[^}]*\| query')


def metric_names(expression: str) -> set[str]:
    """Return the metrics that an expression selects by name."""
    bare = _NO_METRIC.sub(" ", _STRING.sub('""', expression))
    return {name for name in _NAME.findall(bare) if name.lower() not in _KEYWORDS}


def is_scraped_each_second(definition: Definition, expression: str) -> bool:
    """Return whether an expression reads only series of a metric that are scraped every second.

    The label values that it selects decide.
    """
    if definition.collect == "state":
        return True
    selectors = re.findall(rf"(?<![\w:]){definition.name}\b(?:\{{([^}}]*)\}})?", expression)
    return all(
        any(
            set(words.split("|")) <= definition.collect_state.get(label, frozenset())
            for label, words in re.findall(r'(\w+)=~?"([^"]*)"', matchers)
        )
        for matchers in selectors
    )


def queries_in(text: str) -> Iterator[str]:
    """Yield the expressions that an annotation's template evaluates, printf verbs included."""
    for quoted in _QUERY_IN_TEXT.findall(text):
        yield quoted[1:-1].replace(r"\"", '"')
