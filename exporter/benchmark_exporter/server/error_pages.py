"""Errors in the language of whoever reads them, and as pages where a browser opens an address."""

from collections.abc import Mapping
from html import escape
from http import HTTPStatus

import msgspec
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from benchmark_exporter.server.refusal import Refusal
from benchmark_exporter.site.language import say_for, with_switch
from benchmark_exporter.site.layout import PAGE_HEADERS, page
from benchmark_exporter.texts.errors import error_in
from benchmark_exporter.texts.say import ENGLISH, Say, phrase

# What all browsers accept when they open an address, and hardly any program ever.
_OPENED = "application/xhtml+xml"
# What the live page accepts when it asks why it is refused.
_AS_TEXT = "text/plain"
_TITLES: Mapping[int, str] = {
    400: phrase("This request is not understood"),
    401: phrase("A token is required"),
    403: phrase("This is not allowed"),
    404: phrase("There is no such page"),
    405: phrase("This address is not for reading"),
    503: phrase("Not available now"),
}
# What it says where aiohttp has only the status.
_WITHOUT_TEXT: Mapping[int, str] = {
    404: phrase("There is nothing at this address"),
    405: phrase("Programs send their requests there"),
}
_OTHER_TITLE = phrase("This request is refused")
# The page states its own length and type.
_OF_THE_BODY = frozenset({hdrs.CONTENT_TYPE, hdrs.CONTENT_LENGTH, hdrs.CONTENT_ENCODING})


@web.middleware
async def error_pages(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answers errors to people as people read them; to programs as they are, in English.

    A program's JSON stays JSON, and its text English, unless it asks for another language.
    """
    try:
        response = await handler(request)
    except web.HTTPException as error:
        if error.status < HTTPStatus.BAD_REQUEST:
            raise
        response = error
    if response.status < HTTPStatus.BAD_REQUEST or not isinstance(response, web.Response):
        return response
    if response.content_type not in ("text/plain", "application/json"):
        return _answered(response)
    say = say_for(request)
    accepted = request.headers.get(hdrs.ACCEPT, "")
    if _OPENED in accepted:
        return _page(request, response, say)
    is_text = response.content_type == "text/plain"
    if accepted == _AS_TEXT or (is_text and say is not ENGLISH):
        text = f"{error_in(say, _text(response))}\n"
        headers = {**_headers(response), hdrs.VARY: PAGE_HEADERS[hdrs.VARY]}
        return web.Response(text=text, status=response.status, headers=headers)
    return _answered(response)


def _answered(response: web.Response) -> web.Response:
    """The same; an HTTPException has to be raised."""
    if isinstance(response, web.HTTPException):
        raise response
    return response


def _page(request: web.Request, response: web.Response, say: Say) -> web.Response:
    title = say(_TITLES.get(response.status, _OTHER_TITLE))
    text = _text(response)
    said = error_in(say, text)
    if text == f"{response.status}: {response.reason}":
        said = say(_WITHOUT_TEXT.get(response.status, text))
    # What the catalog does not have is English.
    language = ' lang="en"' if said == text and say is not ENGLISH else ""
    body = f"<h1>{escape(title)}</h1><p{language}>{escape(said)}</p>"
    root = "../" * (request.path.count("/") - 1)
    html = page(title, body, current="", say=say, root=root)
    return web.Response(
        text=with_switch(html, request, say, root),
        status=response.status,
        content_type="text/html",
        charset="utf-8",
        headers={**_headers(response), **PAGE_HEADERS},
    )


def _headers(response: web.Response) -> Mapping[str, str]:
    """Those that say nothing of the body."""
    return {name: value for name, value in response.headers.items() if name not in _OF_THE_BODY}


def _text(response: web.Response) -> str:
    text = (response.text or "").strip()
    if response.content_type != "application/json":
        return text
    try:
        return msgspec.json.decode(text, type=Refusal).detail
    except msgspec.DecodeError:
        return text
