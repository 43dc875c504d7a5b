"""The texts of a page that a reader sees or hears, and those of them that are not translated."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from html.parser import HTMLParser

from benchmark_exporter.texts.catalog import SECTIONS, section_of

_VOID = {"meta", "link", "input", "br", "img", "line", "path", "polyline", "hr"}
_UNSEEN = {"script", "style", "code", "pre", "template", "head"}
_HEARD = ("aria-label", "title", "alt", "placeholder")
_FIELD = re.compile(r"\{\w+\}")
_WORD = re.compile(r"(?<![\w-])[A-Za-z][\w'-]*[A-Za-z]", re.ASCII)
# Names of ours, of other programs, of units and of states, which are the same in each language.
NAMES = frozenset(
    (
        *("API", "ALERTS", "CPU", "JSON", "MB", "OpenAPI", "UTC", "ms", "per", "second"),
        *("Alertmanager", "Grafana", "Prometheus", "benchmark-exporter"),
        *("critical", "new", "ok", "warning"),
        *("config", "max_series", "metrics", "touch", "yaml"),
    )
)


class ShownTexts(HTMLParser):
    """The texts of a page in its own language; those in another one, code and commands are not."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.texts: list[str] = []
        self._language = ""
        self._left_out: list[bool] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "html":
            self._language = given.get("lang") or ""
        is_foreign = given.get("lang") not in (None, self._language)
        is_left_out = is_foreign or tag in _UNSEEN or any(self._left_out[-1:])
        if tag not in _VOID:
            self._left_out.append(is_left_out)
        if not is_left_out:
            self.texts += [given[name] or "" for name in _HEARD if name in given]

    def handle_endtag(self, tag: str) -> None:
        if tag not in _VOID:
            self._left_out.pop()

    def handle_data(self, data: str) -> None:
        if self._left_out and not self._left_out[-1]:
            self.texts.append(data)


def english_words(html: str, names: Sequence[str]) -> set[str]:
    """The words of a Japanese page in Latin letters, but for `names` and those of NAMES."""
    shown = "\n".join(ShownTexts(html).texts)
    for name in sorted(names, key=len, reverse=True):
        shown = shown.replace(name, " ")
    return set(_WORD.findall(shown)) - NAMES


def english_left(html: str) -> set[str]:
    """What a Japanese page shows of the catalog's English texts: those of several words."""
    shown = "\n".join(ShownTexts(html).texts)
    return {part for part in _parts() if part in shown}


def numbers(html: str) -> Counter[str]:
    """The numbers, dates and times of a page, each as it is written."""
    shown = "\n".join(ShownTexts(html).texts)
    return Counter(re.findall(r"\d(?:[\d.,:-]*\d)?%?", shown))


def _parts() -> Iterator[str]:
    for section in SECTIONS:
        for english, said in section_of("ja", section).items():
            for part in _FIELD.split(english):
                if len(_WORD.findall(part)) > 1 and part.strip() not in said:
                    yield part.strip()
