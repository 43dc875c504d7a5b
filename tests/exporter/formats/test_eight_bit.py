"""Documents in the encodings that systems in Japan still write, and in others that are not UTF-8.

None is read: what a byte means in it is a guess. The rejection says how to save it as UTF-8.
"""

import json

import pytest

from benchmark_exporter.formats.decoding import decode
from benchmark_exporter.formats.origin import Origin, parse_sidecar
from benchmark_exporter.model import Rejected

NAMES = (
    "経路探索",
    "ソート表示",
    "速度の測定（高速）",
    "Ｒｏｕｔｅｒ",
    "ルーター",
    "表示",
    "計測～開始",
)


def document(name: str) -> str:
    return json.dumps({"run": "x", "benchmark": name, "values": [1, 2]}, ensure_ascii=False)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("encoding", "named", "source"),
    [("cp932", "CP932 (Shift_JIS)", "CP932"), ("euc_jp", "EUC-JP", "EUC-JP")],
)
def test_a_document_in_an_encoding_of_japan_is_named(
    name: str, encoding: str, named: str, source: str
) -> None:
    text = document(name.replace("～", "ー") if encoding == "euc_jp" else name)
    with pytest.raises(Rejected) as raised:
        decode(text.encode(encoding))
    assert raised.value.reason == "not_utf8"
    assert f"it looks like {named}; save it as UTF-8: " in raised.value.detail
    assert f"`iconv -f {source} -t UTF-8`" in raised.value.detail


@pytest.mark.parametrize(
    "data",
    [
        document("Überprüfung").encode("latin-1"),
        document("Größe der Straße").encode("cp1252"),
        document("naïve").encode("cp437"),
        b'{"a": "\xff\xfe"}',
        document("x").encode() + b"\x80",
    ],
)
def test_any_other_is_not_guessed(data: bytes) -> None:
    with pytest.raises(Rejected) as raised:
        decode(data)
    assert raised.value.reason == "not_utf8"
    assert "looks like" not in raised.value.detail
    assert "`iconv -f ENCODING -t UTF-8`" in raised.value.detail
    assert "save it as UTF-8: set PYTHONUTF8=1" in raised.value.detail


def test_a_sidecar_is_refused_likewise() -> None:
    data = '{"project": "性能測定機"}'.encode("cp932")
    with pytest.raises(Rejected, match=r"at byte 13; it looks like CP932") as raised:
        parse_sidecar(data, Origin())
    assert raised.value.reason == "not_utf8"


@pytest.mark.parametrize("name", NAMES)
def test_utf8_with_the_same_names_is_read(name: str) -> None:
    assert decode(document(name).encode()) == (json.loads(document(name)), True)
