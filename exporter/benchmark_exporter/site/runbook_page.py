"""A runbook as a page: its Markdown as HTML."""

import re

from markdown_it import MarkdownIt
from markdown_it.token import Token

from benchmark_exporter.site.layout import page

_ROOT = "../"
_OTHER_RUNBOOK = re.compile(r"([A-Za-z0-9]+)\.md(#[\w-]+)?", re.ASCII)
# Markup of others is text here, even though runbooks come with the exporter.
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")


def runbook_page(name: str, text: str) -> str:
    """The whole page of a runbook, whose Markdown is `text`."""
    tokens = _MARKDOWN.parse(text)
    for token in tokens:
        if token.type == "inline" and token.children:
            token.children = _followable(token.children)
    body = _MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {})
    tables = body.replace("<table>", '<div class="table" tabindex="0"><table>')
    body = tables.replace("</table>", "</table></div>").replace("<pre>", '<pre tabindex="0">')
    source = f'<p class="quiet"><a href="{name}.md">This runbook as text</a></p>'
    return page(name, f'<article class="prose">{body}{source}</article>', current="", root=_ROOT)


def _followable(tokens: list[Token]) -> list[Token]:
    """Without links to the docs, which are not served; those to other runbooks lead to their pages.

    Absolute links stay.
    """
    kept, is_text = [], False
    for token in tokens:
        if token.type == "link_open":
            address = str(token.attrs.get("href", ""))
            runbook = _OTHER_RUNBOOK.fullmatch(address)
            is_text = runbook is None and ":" not in address and not address.startswith("#")
            if runbook is not None:
                token.attrs["href"] = f"{runbook[1]}{runbook[2] or ''}"
        if is_text and token.type in ("link_open", "link_close"):
            is_text = token.type != "link_close"
            continue
        kept.append(token)
    return kept
