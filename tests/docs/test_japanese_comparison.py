"""What is found in a translation that is out of step with its English page."""

from pathlib import Path

import pytest

from tests.support.paths import REPOSITORY
from tools.japanese.__main__ import main
from tools.japanese.compare import differences
from tools.japanese.pages import japanese_path, read_page, read_record
from tools.japanese.wording import wording_faults

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
または docs/ja/other.md を見ます。

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
        (
            "docs/ja/other.md",
            "別のページ",
            "section 'Disk full': name is missing: docs/ja/other.md",
        ),
        ("docs/ja/other", "docs/other", "section 'Disk full': name is missing: docs/ja/other.md"),
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
