"""What a page shows and says to people, in a browser, and which of it is in their language."""

import re
from collections.abc import Iterable

from playwright.sync_api import Page

# Visible texts, also those that style sheets add, and what screen readers say. What a page hides
# is none of it, and neither is what has another language on purpose.
_TEXTS = """() => {
  const found = [document.title];
  const own = element => !element.closest("[lang]:not(html), script, style, noscript, template");
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (own(element) && element.checkVisibility()) found.push(walker.currentNode.nodeValue);
  }
  for (const element of document.querySelectorAll("[aria-label], [title], [data-head]")) {
    if (!own(element) || !element.checkVisibility()) continue;
    found.push(element.ariaLabel, element.title, element.dataset?.head);
  }
  return found.filter(text => text?.trim());
}"""
# What both languages write in the same way: numbers with units, statistics and times.
_ALIKE = re.compile(
    r"\d+(?:\.\d+)?(?:e[+-]?\d+)?\s?(?:[nµm]?s|[kMG]?B|%|×)(?![A-Za-z])|\bp\d\d\b|\bCPU\b|\bUTC\b"
    r"|\d{4}-\d\d-\d\d(?: \d\d:\d\d(?::\d\d)?Z?)?|\d\d:\d\d:\d\d"
)
_LATIN = re.compile(r"[A-Za-z]{2,}")


def texts_of(page: Page) -> list[str]:
    """All that the page shows now, in its order."""
    found: list[str] = page.evaluate(_TEXTS)
    return [" ".join(text.split()) for text in found]


def not_japanese(page: Page, names: Iterable[str]) -> list[str]:
    """What the page shows in Latin letters, except the names, numbers with units and times."""
    names = sorted(names, key=len, reverse=True)
    found = []
    for text in texts_of(page):
        left = text
        for name in names:
            left = left.replace(name, "")
        if _LATIN.search(_ALIKE.sub("", left)):
            found.append(text)
    return found
