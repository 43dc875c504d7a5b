"""What shells and systems put around a document: compression, and other encodings than UTF-8."""

import codecs
import zlib

from benchmark_exporter.model import Rejected

# Such a file is compressed to a fiftieth of it at least, if it is one of benchmark results.
MAX_UNPACKED_BYTES = 32 * 1024 * 1024
MAX_MEMBERS = 100

_GZIP = b"\x1f\x8b"
# UTF-32's mark begins with UTF-16's, so it comes first.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def unpacked(data: bytes) -> bytes:
    """The document's text in UTF-8, without a mark.

    Read are gzip, UTF-8 with a mark (PowerShell's `Out-File -Encoding utf8`), and UTF-16 and UTF-32
    (its `>`). Anything else is returned as it is.

    Raises:
        Rejected: it ends early, or it is not what its first bytes say.
    """
    if data.startswith(_GZIP):
        data = _decompressed(data)
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _recoded(data[len(mark) :], encoding)
    if len(data) > 1 and 0 in data[:2]:
        # Without a mark: a document begins with an ASCII character.
        return _recoded(data, "utf-16-le" if data[0] else "utf-16-be")
    return data


def _recoded(data: bytes, encoding: str) -> bytes:
    if encoding == "utf-8":
        return data
    try:
        return data.decode(encoding).encode()
    except UnicodeDecodeError as error:
        if error.reason in ("truncated data", "unexpected end of data"):
            raise Rejected("truncated", "the file ends in the middle of a character") from error
        raise Rejected("not_utf8", f"not {encoding}: {error.reason}") from error


def _decompressed(data: bytes) -> bytes:
    text = b""
    for _ in range(MAX_MEMBERS):  # a file may have several, if gzip has appended to it
        if not data.startswith(_GZIP):
            return text
        decompressor = zlib.decompressobj(wbits=31)
        try:
            text += decompressor.decompress(data, MAX_UNPACKED_BYTES + 1 - len(text))
        except zlib.error as error:
            raise Rejected("malformed_json", f"not gzip: {error}") from error
        if len(text) > MAX_UNPACKED_BYTES:
            raise Rejected("too_large", f"more than {MAX_UNPACKED_BYTES} bytes without gzip")
        if not decompressor.eof:
            raise Rejected("truncated", "the file ends before its gzip stream does")
        data = decompressor.unused_data
    raise Rejected("too_large", f"more than {MAX_MEMBERS} members of gzip")
