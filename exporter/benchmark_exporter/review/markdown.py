"""Texts of documents in Markdown, so that they are only shown.

A code span is the one element in which neither GitHub nor GitLab looks for emphasis, HTML, links,
mentions (@user), references (#1, !2, a commit) or emoji, and whose text is shown as it is.
"""

import re
from urllib.parse import quote, urlencode

from benchmark_exporter.wording import printable, with_unit

LONGEST_TEXT = 160
# What would end the target of a link, or the cell that it is in.
_ENDING = re.compile(r"[()<>|\s`\\]")
_KNOWN_UNITS = frozenset(("seconds", "bytes", "ratio", "per_second"))


def code(text: str, longest: int = LONGEST_TEXT) -> str:
    r"""A text as a code span that may stand in a table; `-` for none.

    A pipe would end a cell even there: it is escaped, or `\x7c` after a backslash, where the
    engines differ in what they make of it. A long text is cut in its middle.
    """
    text = printable(" ".join(text.split()))
    if len(text) > longest:
        half = (longest - 1) // 2
        text = f"{text[:half]}…{text[-half:]}"
    if not text.strip():
        return "-"
    text = re.sub(r"(?<=\\)\|", r"x7c", text).replace("|", r"\|")
    fence = "`" * (1 + max((len(each) for each in re.findall("`+", text)), default=0))
    space = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{space}{text}{space}{fence}"


def quantity(value: float | None, unit: str) -> str:
    """A value with its unit; a unit that is not one of ours is a text of the document."""
    if value is None:
        return "-"
    text = with_unit(value, unit)
    return text if unit in _KNOWN_UNITS else code(text)


def percentage(ratio: float | None, *, signed: bool = True) -> str:
    """A ratio, 0.02 as `+2.00%`; from ten times as much on as a factor, `×25`."""
    if ratio is None:
        return "-"
    if not signed:
        return f"{ratio:.2%}" if ratio < 9 else f"{ratio:.3g}×"
    return f"{ratio:+.2%}" if ratio < 9 else f"×{1 + ratio:.3g}"


def link(text: str, url: str, **parameters: str) -> str:
    """A link, with parameters that are texts of documents. `text` and `url` are trusted."""
    query = urlencode({name: each for name, each in parameters.items() if each}, quote_via=quote)
    separator = "&" if "?" in url else "?"
    target = f"{url}{separator}{query}" if query else url
    return f"[{text}]({_ENDING.sub(lambda match: quote(match[0]), target)})"


def marker(project: str, suite: str) -> str:
    """The hidden first line of the comment of a project's suite, by which it is found again."""
    name = "/".join(quote(each, safe="").replace("-", "%2D") for each in (project, suite))
    return f"<!-- benchmark-exporter {name} -->"
