"""The live page: its body comes from stream/page, its frame is that of all pages."""

from benchmark_exporter.config import packaged
from benchmark_exporter.site.layout import page

_SCRIPTS = ("painting", "elements", "scopes", "words")
LIVE_FILES = {
    f"/{name}": f"stream/page/{name}"
    for name in ("live.css", "live.js", *(f"{script}.js" for script in _SCRIPTS))
}
_HEAD = (
    '<link rel="stylesheet" href="live.css">'
    + "".join(f'<link rel="modulepreload" href="{script}.js">' for script in _SCRIPTS)
    + '<script type="module" src="live.js"></script>'
)


def live_page() -> str:
    """The whole page. Its script fills it."""
    body = packaged("stream/page/live.html").read_text(encoding="utf-8")
    return page("Live", body, current="live", head=_HEAD)
