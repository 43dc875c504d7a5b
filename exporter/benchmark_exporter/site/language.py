"""Which language a request gets, and the switch in the header of every page."""

import re
from html import escape

from aiohttp import hdrs, web

from benchmark_exporter.site.layout import SWITCH
from benchmark_exporter.texts.catalog import PAGE_LANGUAGES, say_in
from benchmark_exporter.texts.preference import preferred
from benchmark_exporter.texts.say import Say

# The machine's other sites get it too: cookies know no ports.
COOKIE = "benchmark_language"
PATH = "/language/{language}/{page:.*}"
_YEAR_SECONDS = 365 * 86_400
_NAMES = {"en": "English", "ja": "日本語"}
# The pages that the switch leads back to, by their path from the start page. Their queries, as they
# stand in a header.
_PAGE = re.compile(
    r"(?:benchmarks?|commit|live|files|addresses|triage|runbooks/(?:[a-z]{2}/)?[A-Za-z0-9]{1,100})?"
    r"(?:\?[!-~]{0,8000})?",
    re.ASCII,
)
# The language that an address names, and not the reader.
_NAMED = re.compile(r"(?<=^runbooks/)[a-z]{2}/", re.ASCII)


def say_for(request: web.Request) -> Say:
    """Says texts in the language of a request.

    It is what its address names, as links to runbooks in messages may, else what the switch has
    set, else what it accepts.
    """
    if (named := request.match_info.get("language", "")) in PAGE_LANGUAGES:
        return say_in(named)
    chosen = request.cookies.get(COOKIE, "")
    if chosen in PAGE_LANGUAGES:
        return say_in(chosen)
    return say_in(preferred(",".join(request.headers.getall(hdrs.ACCEPT_LANGUAGE, ()))))


def with_switch(html: str, request: web.Request, say: Say, root: str = "") -> str:
    """A page with the links that show it in the other languages. `root` is as in `page`.

    What is not a page leads to the start page.
    """
    here = request.rel_url.raw_path_qs.removeprefix("/")
    if not _PAGE.fullmatch(here):
        here = ""
    there = _NAMED.sub("", here)
    links = "".join(
        f'<a href="{root}language/{language}/{escape(there)}" lang="{language}" '
        f'hreflang="{language}">{_NAMES[language]}</a>'
        for language in PAGE_LANGUAGES
        if language != say.language
    )
    return html.replace(SWITCH, f'<p class="language">{links}</p>', 1)


async def switch(request: web.Request) -> web.Response:
    """Remembers a language for a year, and leads back to the page that was shown.

    Raises:
        HTTPNotFound: there is no such language, or no such page of this site.
    """
    language = request.match_info["language"]
    # As it was sent: what is decoded may be an address elsewhere, or two lines.
    page = request.rel_url.raw_path_qs.removeprefix(f"/language/{language}/")
    if language not in PAGE_LANGUAGES or not _PAGE.fullmatch(page):
        raise web.HTTPNotFound(text="there is no such language, or no such page\n")
    # Relative, since a proxy may serve the site under a path.
    up = "../" * (2 + page.partition("?")[0].count("/"))
    response = web.Response(status=303, headers={hdrs.LOCATION: f"{up}{page}"})
    response.set_cookie(COOKIE, language, max_age=_YEAR_SECONDS, httponly=True, samesite="Lax")
    response.headers[hdrs.CACHE_CONTROL] = "no-store"
    return response
