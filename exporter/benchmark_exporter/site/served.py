"""What the site answers with: documents with their headers, and files of the package."""

import hashlib
from pathlib import Path

from aiohttp import hdrs, web

from benchmark_exporter.site.layout import HEADERS, PAGE_HEADERS

_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


# Shorter answers fit into a packet or two as they are.
_COMPRESSED_CHARACTERS = 4_000


def compressed(response: web.Response) -> web.Response:
    """The same, sent compressed to clients that accept it, if that saves packets.

    Only for pages that hold no secret: of those that do, the size could tell it (BREACH).
    """
    vary = response.headers.get(hdrs.VARY)
    response.headers[hdrs.VARY] = (
        f"{vary}, {hdrs.ACCEPT_ENCODING}" if vary else hdrs.ACCEPT_ENCODING
    )
    if len(response.text or "") > _COMPRESSED_CHARACTERS:
        response.enable_compression()
    return response


def document(text: str, status: int = 200) -> web.Response:
    """An HTML document, or a part of one."""
    return web.Response(
        text=text, status=status, content_type="text/html", charset="utf-8", headers=PAGE_HEADERS
    )


def tagged(request: web.Request, text: str) -> web.Response:
    """The same with an entity tag; no body if the client has it already (RFC 9110, 13.1.2)."""
    tag = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:32]
    known = request.headers.get(hdrs.IF_NONE_MATCH, "").strip().removeprefix("W/").strip('"')
    response = web.Response(status=304, headers=PAGE_HEADERS) if known == tag else document(text)
    # Weak, since the bytes differ by the encoding.
    response.headers[hdrs.ETAG] = f'W/"{tag}"'
    return compressed(response)


def file(path: Path) -> web.Response:
    """A style, script or icon of the package."""
    return web.Response(
        body=path.read_bytes(),
        content_type=_TYPES[path.suffix],
        charset=None if path.suffix == ".svg" else "utf-8",
        headers=HEADERS,
    )
