"""Reads pages as browsers and screen readers do."""

from collections.abc import Sequence
from html.parser import HTMLParser


class ReadPage(HTMLParser):
    """A page: its links with their texts, its headings, and the texts of its cells by row."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.links: list[tuple[str, str]] = []
        self.headings: list[str] = []
        self.rows: list[list[str]] = []
        self.tags: set[str] = set()
        self._open: list[list[str]] = []
        self._href: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("a", "h1", "h2", "td", "th"):
            self._open.append([])
            if tag == "a":
                self._href.append(dict(attrs).get("href") or "")

    def handle_data(self, data: str) -> None:
        self.text += data
        for texts in self._open:
            texts.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("a", "h1", "h2", "td", "th"):
            return
        text = "".join(self._open.pop())
        if tag == "a":
            self.links.append((self._href.pop(), text))
        elif tag in ("h1", "h2"):
            self.headings.append(text)
        else:
            self.rows[-1].append(text)

    def address_of(self, text: str) -> str:
        """The address of the one link with a text."""
        (found,) = {href for href, shown in self.links if shown.strip() == text.strip()}
        return found
