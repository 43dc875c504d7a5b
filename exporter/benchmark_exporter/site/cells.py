"""Small pieces of HTML that several pages have."""

from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape

from benchmark_exporter.wording import Said


def badge(said: Said) -> str:
    """A state as a badge of its kind's colour. Its words say the state too."""
    return f'<span class="badge {said.kind}">{escape(said.text)}</span>'


def moment(timestamp_seconds: float) -> str:
    """A time in UTC; one beyond the calendar becomes the calendar's end."""
    try:
        at = datetime.fromtimestamp(timestamp_seconds, UTC)
    except (OverflowError, ValueError, OSError):
        at = datetime.max.replace(tzinfo=UTC)
    return f'<time datetime="{at:%Y-%m-%dT%H:%M:%SZ}">{at:%Y-%m-%d %H:%M:%S}</time>'


def table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]], *, name: str) -> str:
    """A table of cells in HTML under a heading, in a box that scrolls; nothing without rows.

    The first cell of each row is its head. `name` is the heading's id.
    """
    if not rows:
        return ""
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in heads)
    body = "".join(
        f'<tr><th scope="row">{first}</th>{"".join(f"<td>{cell}</td>" for cell in others)}</tr>'
        for first, *others in rows
    )
    return (
        f'<h2 id="{name}">{escape(title)}</h2>'
        f'<div class="table" role="region" aria-labelledby="{name}" tabindex="0"><table>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )
