"""The frame that every page of the site has: head, navigation and footer."""

import json
from html import escape
from typing import Literal

from benchmark_exporter import __version__
from benchmark_exporter.texts.catalog import Section, section_of
from benchmark_exporter.texts.say import ENGLISH, Say, phrase

Page = Literal["start", "benchmarks", "live", "files", "addresses", ""]

# Where messages about failures go; see `site.notices`. Escaped text cannot contain it.
NOTICES = "<!--notices-->"
# Where the links to other languages go; see `site.language`.
SWITCH = "<!--switch-->"
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
# Those of pages, which depend on the reader's language.
PAGE_HEADERS = {**HEADERS, "Vary": "Accept-Language, Cookie"}
_NAVIGATION: tuple[tuple[Page, str, str], ...] = (
    ("start", "", phrase("Start")),
    ("benchmarks", "benchmarks", phrase("Benchmarks")),
    ("live", "live", phrase("Live")),
    ("files", "files", phrase("Files")),
    ("addresses", "addresses", phrase("Addresses")),
)


def page(
    title: str, body: str, *, current: str, say: Say = ENGLISH, root: str = "", head: str = ""
) -> str:
    """A whole HTML document. `title` is text; `body`, and `head` for `<head>`, are HTML.

    `current` is the navigation's entry of this page, empty for none. `say` has the language of the
    reader. `root` leads from the page to the start page (`../` one folder down): addresses are
    relative, since a proxy may serve the site under a path.
    """
    brand = say("Benchmarks")
    return (
        f'<!doctype html>\n<html lang="{say.language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escape(title)} · {brand}</title>"
        f'<link rel="icon" href="{root}icon.svg"><link rel="stylesheet" href="{root}site.css">'
        f'{head}</head><body><a class="skip" href="#main">{say("Skip to the content")}</a>'
        f'<header><p class="brand"><a href="{root or "./"}">{brand}</a></p>'
        f'<nav aria-label="{say("Pages")}"><ul>{_navigation(current, say, root)}</ul></nav>'
        f'{SWITCH}</header><main id="main" tabindex="-1">{NOTICES}{body}</main>'
        f"<footer><p>benchmark-exporter {escape(__version__)}</p></footer></body></html>\n"
    )


def script_texts(say: Say, *sections: Section) -> str:
    """Texts that scripts say, as HTML for a page's head: data, which `texts.js` reads.

    Nothing in English, which the scripts have.
    """
    texts = {
        english: said
        for section in sections
        for english, said in section_of(say.language, section).items()
    }
    if not texts:
        return ""
    data = json.dumps(texts, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    return f'<script type="application/json" id="texts">{data}</script>'


def _navigation(current: str, say: Say, root: str) -> str:
    entries = []
    for name, path, text in _NAVIGATION:
        address = f"{root}{path}" or "./"
        here = ' aria-current="page"' if name == current else ""
        entries.append(f'<li><a href="{address}"{here}>{say(text)}</a></li>')
    return "".join(entries)
