"""The live page: its body comes from stream/page, its frame is that of all pages."""

import re

from benchmark_exporter.config import packaged
from benchmark_exporter.site.layout import page, script_texts
from benchmark_exporter.texts.say import Say

# What the page says, in its file: {{English}}.
_SAID = re.compile(r"\{\{(.+?)\}\}")
_RESULTS = "results/"  # until the exporter names it
_SCRIPTS = ("painting", "elements", "scopes", "words")
LIVE_FILES = {
    f"/{name}": f"stream/page/{name}"
    for name in ("live.css", "live.js", *(f"{script}.js" for script in _SCRIPTS))
}
_HEAD = (
    '<link rel="stylesheet" href="live.css">'
    + "".join(f'<link rel="modulepreload" href="{script}.js">' for script in (*_SCRIPTS, "texts"))
    + '<script type="module" src="live.js"></script>'
)


def live_page(say: Say) -> str:
    """The whole page. Its scripts fill it; they have what they say in the reader's language."""
    template = packaged("stream/page/live.html").read_text(encoding="utf-8")
    folder = f'<code id="results-dir">{_RESULTS}</code>'
    body = _SAID.sub(lambda said: say(said[1], folder=folder), template)
    head = f"{_HEAD}{script_texts(say, 'words', 'live')}"
    return page(say("Live"), body, current="live", say=say, head=head)
