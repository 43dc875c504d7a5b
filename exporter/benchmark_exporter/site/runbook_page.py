"""A runbook as a page: its Markdown as HTML."""

import re
import unicodedata

from markdown_it import MarkdownIt
from markdown_it.token import Token

from benchmark_exporter.site.layout import page
from benchmark_exporter.texts.say import ENGLISH, Say

# In the same language, and in another one.
_OTHER_RUNBOOK = re.compile(r"([A-Za-z0-9]+)\.md(#[\w-]+)?")
_OTHER_LANGUAGE = re.compile(r"(?:\.\./)+(?:(\w+)/)?runbooks/([A-Za-z0-9]+)\.md")
# What a translation ends with: which English text it is of.
_COMMENT = re.compile(r"<!--.*?-->\s*\Z", re.DOTALL)
# Markup of others is text here, even though runbooks come with the exporter.
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")


def runbook_page(name: str, text: str, *, language: str, root: str, say: Say) -> str:
    """The whole page of a runbook, whose Markdown is `text`, in a language.

    `say` has the language of the reader, for the frame. `root` leads from the page to the start
    page.
    """
    tokens = _without_switch(_MARKDOWN.parse(_COMMENT.sub("", text)), name)
    for token in tokens:
        if token.type == "inline" and token.children:
            token.children = _joined(_followable(token.children, root))
    body = _MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {})
    tables = body.replace("<table>", '<div class="table" tabindex="0"><table>')
    body = tables.replace("</table>", "</table></div>").replace("<pre>", '<pre tabindex="0">')
    folder = "" if language == ENGLISH.language else f"{language}/"
    address = f"{root}runbooks/{folder}{name}.md"
    source = f'<p class="quiet"><a href="{address}">{say("This runbook as text")}</a></p>'
    article = f'<article class="prose" lang="{language}">{body}</article>{source}'
    return page(name, article, current="", root=root, say=say)


def _without_switch(tokens: list[Token], name: str) -> list[Token]:
    """Without the line that links to the same runbook in the other language: the header has it."""
    for at, token in enumerate(tokens):
        links = [each for each in token.children or () if each.type == "link_open"]
        if token.type == "inline" and len(links) == 1 and len(token.children or ()) == 3:
            other = _OTHER_LANGUAGE.fullmatch(str(links[0].attrs.get("href", "")))
            if other and other[2] == name:
                return tokens[: at - 1] + tokens[at + 2 :]
    return tokens


def _followable(tokens: list[Token], root: str) -> list[Token]:
    """Without links to the docs, which are not served; those to other runbooks lead to their pages.

    Absolute links stay.
    """
    kept, is_text = [], False
    for token in tokens:
        if token.type == "link_open":
            address = str(token.attrs.get("href", ""))
            is_text = False
            if runbook := _OTHER_RUNBOOK.fullmatch(address):
                token.attrs["href"] = f"{runbook[1]}{runbook[2] or ''}"
            elif other := _OTHER_LANGUAGE.fullmatch(address):
                folder = f"{other[1]}/" if other[1] else ""
                token.attrs["href"] = f"{root}runbooks/{folder}{other[2]}"
            else:
                is_text = ":" not in address and not address.startswith("#")
        if is_text and token.type in ("link_open", "link_close"):
            is_text = token.type != "link_close"
            continue
        kept.append(token)
    return kept


def _joined(tokens: list[Token]) -> list[Token]:
    """Without line ends within text that has no spaces between words: they would become spaces."""
    return [
        token
        for before, token, after in zip([None, *tokens], tokens, [*tokens[1:], None], strict=False)
        if not (
            token.type == "softbreak"
            and before is not None
            and after is not None
            and _is_wide(before.content[-1:])
            and _is_wide(after.content[:1])
        )
    ]


def _is_wide(character: str) -> bool:
    return character != "" and unicodedata.east_asian_width(character) in "WF"
