"""How Japanese is written: spaces, line ends, digits and words."""

from pathlib import Path

import pytest

from tests.support.paths import REPOSITORY
from tools.japanese.compare import GLOSSARY
from tools.japanese.wording import wording_faults


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("Prometheusは動きます。", "no space in 'sは'"),
        ("値は`a` です。", "no space in 'は`'"),
        ("残りは 3 %です。", "no space in '%で'"),
        ("値(既定) です。", "no space in '値('"),
        ("終わります。 次に進みます。", "a space beside punctuation"),
        ("値 （既定）です。", "a space beside punctuation"),
        ("２ 分です。", "full-width '２'"),
        ("http://localhost:9090。", "no space after the address http://localhost:9090"),
        ("閾値を上げます。", "'閾値' instead of 'しきい値'"),
        ("サーバを止めます。", "'サーバ' instead of"),
        ("これは途中の\nものです。", "the line before ends within a phrase"),
    ],
)
def test_unusual_japanese_is_found(tmp_path: Path, line: str, fault: str) -> None:
    folder = tmp_path / "docs/ja"
    folder.mkdir(parents=True)
    (folder / "glossary.md").write_bytes((REPOSITORY / GLOSSARY).read_bytes())
    path = folder / "page.md"
    path.write_text(f"# 表題\n\n{line}\n", encoding="utf-8")
    found = wording_faults(tmp_path, path)
    assert [each for each in found if fault in each], found


@pytest.mark.parametrize(
    "line",
    [
        "Prometheus は `up` を 3 % 上げ、http://localhost:9090 で示します（既定）。",
        "サーバーとしきい値を、[ページ](other.md) と **太字** で示します。",
        "行の終わりは、\n読点でも構いません。終わりは Prometheus\nの前でも。",
        "- 項目です。\n- 次の項目です。",
        "`閾値（コード）です` は、コードなら構いません。",
        "```\nPrometheusは コードの 中です。 ２\n```",
    ],
)
def test_usual_japanese_is_not_a_fault(tmp_path: Path, line: str) -> None:
    path = tmp_path / "README.ja.md"
    path.write_text(f"# 表題\n\n{line}\n", encoding="utf-8")
    assert wording_faults(tmp_path, path) == []
