"""Japanese pages are in step with the English ones, and follow docs/ja/glossary.md."""

import re
from pathlib import Path

import pytest
import yaml

from tests.support.paths import REPOSITORY
from tools.japanese.__main__ import main
from tools.japanese.compare import GLOSSARY, differences
from tools.japanese.pages import japanese_pages, japanese_path, read_page, read_record
from tools.japanese.wording import avoided_words, wording_faults

PAGES = japanese_pages(REPOSITORY)
FIRST_PAGES = [REPOSITORY / name for name in ("README.md", "docs/glossary.md")]
EVERY_PAGE = pytest.mark.parametrize(
    "path", PAGES, ids=lambda path: str(path.relative_to(REPOSITORY))
)

ENGLISH = """\
# Disk full

[日本語](ja/disk.md)

Prometheus has had no space for five minutes; 3 % are left. See `df -h` and
[what to do](#what-to-do), or docs/other.md.

## What to do

- **Free** space: http://localhost:9090 shows how much.
- Then [upgrade](other.md#two), or restart node_exporter.

| file | size |
|---|---|
| `a` | 10 MB |

    make status
"""
JAPANESE = """\
# ディスクの空きがない

[English](../disk.md)

Prometheus の空きが 5 分間ありません。残りは 3 % です。`df -h` と [対処](#対処)、
または docs/other.md を見ます。

## 対処

- **空き** を作ります。量は http://localhost:9090 で分かります。
- その後 [アップグレード](other.md#二番) するか、node_exporter を再起動します。

| ファイル | 大きさ |
|---|---|
| `a` | 10 MB |

    make status
"""
OTHER = {
    "docs/other.md": "# Other\n\n[日本語](ja/other.md)\n\n## One\n\nText.\n\n## Two\n\nMore.\n",
    "docs/ja/other.md": "# 別\n\n[English](../other.md)\n\n## 二番\n\n続き。\n",
}
NAME = "docs/ja/disk.md"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository of two pages that are in step; of one, a section is left out."""
    texts = {"docs/disk.md": ENGLISH, NAME: JAPANESE, **OTHER}
    for name, text in texts.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for arguments in (
        ["--english", "docs/disk.md", "--update", NAME, "Disk full", "What to do"],
        ["--english", "docs/other.md", "--update", "docs/ja/other.md", "Other", "Two"],
        ["--leave-out", "--update", "docs/ja/other.md", "One"],
    ):
        assert main(arguments, tmp_path) == 0
    return tmp_path


def change(repository: Path, name: str, before: str, after: str) -> None:
    path = repository / name
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after, 1), encoding="utf-8")


@EVERY_PAGE
def test_a_page_is_in_step_with_its_english_one(path: Path) -> None:
    assert differences(REPOSITORY, path) == []


@EVERY_PAGE
def test_a_page_is_written_as_the_glossary_says(path: Path) -> None:
    assert wording_faults(REPOSITORY, path) == []


def test_the_glossary_has_the_terms_of_the_english_one_in_their_order() -> None:
    english, japanese = (
        re.findall(r"^\| (\*\*.+?) \|", path.read_text(encoding="utf-8"), re.MULTILINE)
        for path in (REPOSITORY / "docs/glossary.md", REPOSITORY / GLOSSARY)
    )
    terms = [term for row in english for term in re.findall(r"\*\*([^*]+)\*\*", row)]
    assert len(terms) > 100
    assert [term.strip("*") for term in japanese] == terms


def test_a_term_of_the_glossary_has_a_translation_and_a_meaning() -> None:
    rows = re.findall(
        r"^\| \*\*.+?\*\* \| ([^|]+) \| ([^|]+) \|$",
        (REPOSITORY / GLOSSARY).read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    assert len(rows) > 100
    assert avoided_words(REPOSITORY / GLOSSARY).keys() & {each for row in rows for each in row} == (
        set()
    )


def test_pages_in_step_have_no_difference(repository: Path) -> None:
    assert differences(repository, repository / NAME) == []
    assert differences(repository, repository / "docs/ja/other.md") == []
    assert wording_faults(repository, repository / NAME) == []
    assert main([], repository) == 0


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        ("## 対処", "### 対処", "section 'What to do': the heading is h3, not h2"),
        ("## 対処\n", "対処\n", "section 'What to do' of docs/disk.md is missing"),
        ("    make status\n", "## 余分\n", "section '余分' translates none of docs/disk.md"),
        ("    make status", "    make down", "section 'What to do': code block differs"),
        ("    make status\n", "", "section 'What to do': code block differs: nothing instead"),
        ("`df -h`", "`df`", "section 'Disk full': code is missing: df -h"),
        ("`df -h`", "`df -h` と `ls`", "section 'Disk full': code is not there: ls"),
        ("(#対処)", "(#無い)", "section 'Disk full': link is not there: docs/ja/disk.md#無い"),
        ("other.md#二番", "../other.md#two", "link is missing: docs/ja/other.md#二番"),
        ("other.md#二番", "other.md", "section 'What to do': link is not there"),
        ("9090 ", "9093 ", "section 'What to do': address is missing: http://localhost:9090"),
        ("docs/other.md", "別のページ", "section 'Disk full': name is missing: docs/other.md"),
        ("node_exporter", "それ", "section 'What to do': name is missing: node_exporter"),
        ("3 %", "4 %", "section 'Disk full': number is missing: 3"),
        ("5 分間", "6 分間", "section 'Disk full': number is missing: 5 (five)"),
        ("5 分間", "しばらく", "section 'Disk full': number is missing: 5 (five)"),
        ("10 MB", "100 MB", "section 'What to do': number is not there: 100"),
        ("**空き** を", "空きを", "section 'What to do': 0 bold texts instead of 1"),
        ("| `a` | 10 MB |\n", "", "section 'What to do': block 11 is code_block code, not tbody"),
        ("| `a` | 10 MB |", "| 10 MB | `a` |", "section 'What to do': code is missing: a"),
        ("- その後", "\n  その後", "section 'What to do': block"),
        ("[English](../disk.md)\n", "", "docs/ja/disk.md does not link to ../disk.md"),
        ("<!-- docs/disk.md", "<!-- docs/disc.md", "No such file"),
        ("<!-- docs/disk.md", "<!-- docs/other.md", "where the translation of other.md belongs"),
        ("<!--", "<!-- x", "the page does not end with the comment"),
    ],
)
def test_a_changed_translation_is_found(
    repository: Path, before: str, after: str, fault: str
) -> None:
    change(repository, NAME, before, after)
    found = differences(repository, repository / NAME)
    assert [each for each in found if fault in each], found
    assert all(each.startswith(f"{NAME}: ") for each in found)
    assert main([], repository) == 1


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        ("has had no space", "has had little space", "section 'Disk full' of docs/disk.md has"),
        ("shows how much", "does not show how much", "section 'What to do' of docs/disk.md has"),
        ("## What to do", "## Mitigation", "section 'Mitigation' of docs/disk.md is not listed"),
        ("## What to do", "## Mitigation", "section 'What to do' is not in docs/disk.md"),
        ("## What", "## Why\n\nSo.\n\n## What", "section 'Why' of docs/disk.md is not listed"),
        ("[日本語](ja/disk.md)\n", "", "docs/disk.md does not link to ja/disk.md below its title"),
    ],
)
def test_a_change_of_the_english_text_is_found_and_named(
    repository: Path, before: str, after: str, fault: str
) -> None:
    change(repository, "docs/disk.md", before, after)
    found = differences(repository, repository / NAME)
    assert [each for each in found if fault in each], found


def test_other_line_breaks_in_the_english_text_are_no_change(repository: Path) -> None:
    change(repository, "docs/disk.md", "five minutes; 3 %", "five minutes;\n3 %")
    assert differences(repository, repository / NAME) == []


def test_a_section_that_is_left_out_may_change(repository: Path) -> None:
    change(repository, "docs/other.md", "Text.", "Another text.")
    assert differences(repository, repository / "docs/ja/other.md") == []


def test_an_order_of_sections_that_differs_is_found(repository: Path) -> None:
    change(repository, "docs/other.md", "## One\n\nText.\n\n## Two", "## Two\n\nText.\n\n## One")
    (found,) = differences(repository, repository / "docs/ja/other.md")
    assert found.endswith("the sections of docs/other.md have another order")


def test_an_update_records_only_the_sections_that_it_names(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change(repository, "docs/disk.md", "has had no space", "has had little space")
    change(repository, "docs/disk.md", "shows how much", "shows it")
    capsys.readouterr()
    assert main(["--update", NAME, "Disk full"], repository) == 0
    digest = dict(read_record(read_page(repository / NAME)).digests)["Disk full"]
    assert capsys.readouterr().out == f"{NAME}: Disk full: {digest}\n"
    assert differences(repository, repository / NAME) == [
        f"{NAME}: section 'What to do' of docs/disk.md has changed"
    ]
    assert main(["--update", NAME, "What to do"], repository) == 0
    assert main([], repository) == 0


@pytest.mark.parametrize("sections", [[], ["No such section"]])
def test_an_update_without_a_known_section_changes_nothing(
    repository: Path, sections: list[str]
) -> None:
    before = (repository / NAME).read_bytes()
    try:
        status = main(["--update", NAME, *sections], repository)
    except SystemExit as stopped:
        status = int(stopped.code or 0)
    assert status != 0
    assert (repository / NAME).read_bytes() == before


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


@pytest.mark.parametrize(
    ("english", "japanese"),
    [
        ("README.md", "README.ja.md"),
        ("docs/runbooks/Watchdog.md", "docs/ja/runbooks/Watchdog.md"),
        ("docs/runbooks", "docs/ja/runbooks"),
        ("secrets/README.md", "secrets/README.ja.md"),
    ],
)
def test_a_translation_has_its_place(english: str, japanese: str) -> None:
    assert japanese_path(REPOSITORY, REPOSITORY / english) == REPOSITORY / japanese


def test_every_runbook_and_the_first_pages_are_translated() -> None:
    runbooks = (REPOSITORY / "docs/runbooks").glob("*.md")
    expected = {japanese_path(REPOSITORY, path) for path in (*runbooks, *FIRST_PAGES)}
    assert [path.name for path in sorted(expected - set(PAGES))] == []


def test_containers_have_the_runbooks_of_both_languages_in_folders_as_here() -> None:
    compose = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text(encoding="utf-8"))
    mounts = dict(
        volume.removesuffix(":ro").split(":")
        for volume in compose["services"]["exporter"]["volumes"]
        if isinstance(volume, str) and volume.startswith("./docs/")
    )
    documents = (REPOSITORY / "kubernetes/base/exporter.yaml").read_text(encoding="utf-8")
    (container,) = (
        document["spec"]["template"]["spec"]["containers"][0]
        for document in yaml.safe_load_all(documents)
        if document["kind"] == "Deployment"
    )
    in_pods = {each["name"]: each["mountPath"] for each in container["volumeMounts"]}
    english = Path(mounts["./docs/runbooks"])
    assert Path(mounts["./docs/ja/runbooks"]) == english.parent / "ja" / english.name
    assert in_pods["runbooks"] == str(english)
    assert in_pods["runbooks-ja"] == mounts["./docs/ja/runbooks"]
