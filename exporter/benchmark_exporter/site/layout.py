"""The frame that every page of the site has: head, navigation and footer."""

from html import escape
from typing import Literal

from benchmark_exporter import __version__

Page = Literal["start", "benchmarks", "live", "files", "addresses", ""]

# Where messages about failures go; see `site.notices`. Escaped text cannot contain it.
NOTICES = "<!--notices-->"
# What no page of the site needs is off: inline scripts and styles, frames, other origins.
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self' ws: wss:; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
_NAVIGATION: tuple[tuple[Page, str, str], ...] = (
    ("start", "", "Start"),
    ("benchmarks", "benchmarks", "Benchmarks"),
    ("live", "live", "Live"),
    ("files", "files", "Files"),
    ("addresses", "addresses", "Addresses"),
)


def page(title: str, body: str, *, current: str, root: str = "", head: str = "") -> str:
    """A whole HTML document. `title` is text; `body`, and `head` for `<head>`, are HTML.

    `current` is the navigation's entry of this page, empty for none. `root` leads from the page to
    the start page (`../` one folder down): addresses are relative, since a proxy may serve the
    site under a path.
    """
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escape(title)} · Benchmarks</title>"
        f'<link rel="icon" href="{root}icon.svg"><link rel="stylesheet" href="{root}site.css">'
        f'{head}</head><body><a class="skip" href="#main">Skip to the content</a>'
        f'<header><p class="brand"><a href="{root or "./"}">Benchmarks</a></p>'
        f'<nav aria-label="Pages"><ul>{_navigation(current, root)}</ul></nav></header>'
        f'<main id="main" tabindex="-1">{NOTICES}{body}</main>'
        f"<footer><p>benchmark-exporter {escape(__version__)}</p></footer></body></html>\n"
    )


def _navigation(current: str, root: str) -> str:
    entries = []
    for name, path, text in _NAVIGATION:
        address = f"{root}{path}" or "./"
        here = ' aria-current="page"' if name == current else ""
        entries.append(f'<li><a href="{address}"{here}>{text}</a></li>')
    return "".join(entries)
