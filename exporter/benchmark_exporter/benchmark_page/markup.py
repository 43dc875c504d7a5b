"""Small pieces of HTML. Texts of documents are escaped here, and shown as `wording` has them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from typing import TypeVar

from benchmark_exporter.wording import Said, printable

Row = TypeVar("Row")

# The parser of HTML changes line ends that stand for themselves.
_IN_ATTRIBUTE = str.maketrans({"\r": "&#13;", "\n": "&#10;", "\t": "&#9;"})


def text(value: str) -> str:
    """A text of a document, on one line."""
    return escape(printable(value))


def attribute(value: str) -> str:
    """A value between quotation marks, which has every character that it had."""
    return escape(value).translate(_IN_ATTRIBUTE)


def name(value: str) -> str:
    """A name, with its spaces."""
    return f'<span class="name">{text(value)}</span>'


def short_name(value: str) -> str:
    """The same in a table, cut to some lines by the style, and whole when it is pointed at."""
    return f'<span class="name short" title="{attribute(printable(value))}">{text(value)}</span>'


def link(address: str, shown: str, *, current: bool = False) -> str:
    """A link; `shown` is HTML."""
    here = ' aria-current="true"' if current else ""
    return f'<a href="{attribute(address)}"{here}>{shown}</a>'


def badge(said: Said) -> str:
    """A state in the colour of its kind; its words say it, too."""
    return f'<span class="badge {said.kind}">{text(said.text)}</span>'


def facts(entries: Iterable[tuple[str, str]]) -> str:
    """Terms with what is said of them, in HTML; those without anything are left out."""
    found = "".join(f"<dt>{escape(term)}</dt><dd>{said}</dd>" for term, said in entries if said)
    return f'<dl class="facts">{found}</dl>' if found else ""


def short_variant(result: str, benchmark: str) -> str:
    """What the name of a result adds to that of its benchmark, as a short name; often nothing."""
    variant = result.removeprefix(benchmark).removeprefix("/")
    return short_name(variant) if variant else ""


def table_of(label: str, columns: Mapping[str, Callable[[Row], str]], rows: Sequence[Row]) -> str:
    """A table of what each column, by its head, says of a row; without columns that say nothing."""
    said = [(head, [cell(row) for row in rows]) for head, cell in columns.items()]
    used = [(head, cells) for head, cells in said if any(cells)]
    return table(label, [head for head, _ in used], zip(*(cells for _, cells in used), strict=True))


def table(label: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells in HTML, in a box that scrolls; `label` says what it shows."""
    head = "".join(f'<th scope="col">{escape(each)}</th>' for each in heads)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return (
        f'<div class="table" role="region" aria-label="{attribute(printable(label))}" tabindex="0">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )
