"""What to say of a document in another encoding than UTF-8, and which one it may be in.

It is not read: bytes say nothing for certain of their encoding, and a wrong guess would give
benchmarks wrong names. Windows consoles write CP932 in Japan, some Unix systems EUC-JP.
"""

import re

from benchmark_exporter.model import Rejected

# As Python, iconv and people call them. EUC-JP first: its texts often are CP932 too, but then of
# half-width katakana, which few documents consist of.
_ENCODINGS = (("euc_jp", "EUC-JP", "EUC-JP"), ("cp932", "CP932", "CP932 (Shift_JIS)"))
_JAPANESE = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff\uff01-\uff5e]")
_HALF_WIDTH = re.compile(r"[\uff61-\uff9f]")


def not_utf8(data: bytes) -> Rejected:
    """The rejection of bytes that are not UTF-8, which says how to save them as that."""
    where = _first_mistake(data)
    looks, source = "", "ENCODING"
    for encoding, name, known_as in _ENCODINGS:
        if _is_japanese(data, encoding):
            looks, source = f"it looks like {known_as}; ", name
            break
    return Rejected(
        "not_utf8",
        f"{where}; {looks}save it as UTF-8: set PYTHONUTF8=1 where "
        f"Python writes it, or convert it by `iconv -f {source} -t UTF-8`",
    )


def _first_mistake(data: bytes) -> str:
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return f"{error.reason} at byte {error.start}"
    return "not UTF-8"


def _is_japanese(data: bytes, encoding: str) -> bool:
    """Whether the bytes are a text in the encoding, of more than half-width katakana."""
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        return False
    found = len(_JAPANESE.findall(text))
    # One may be two letters of another encoding.
    return found > 1 and found > len(_HALF_WIDTH.findall(text))
