"""Texts of documents in a comment: only shown, whatever they are. Read by a Markdown parser."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from benchmark_exporter.review.comment import Frame, render
from benchmark_exporter.review.markdown import LONGEST_TEXT, code, link, marker, percentage
from benchmark_exporter.review.report import Change, Failure, Report
from benchmark_exporter.wording import printable

HOSTILE = [
    "@octocat",
    "@org/team",
    "#1 !2 GH-3 octo/router#4",
    "a5c3785ed8d6a35868bc169f07e40e889087fd2e",
    "https://evil.example www.evil.example a@evil.example",
    "[text](https://evil.example)",
    "![](https://evil.example/x.png)",
    "<img src=x onerror=alert(1)>",
    "</details><script>alert(1)</script>",
    "<!-- benchmark-exporter octo%2Frouter/ -->",
    "a | b || c",
    "a\\| b\\\\| c\\",
    "`a`",
    "``",
    "```\n# Heading\n```",
    "x`",
    "\n\n# Heading\n\n/close\n/merge",
    "*a* _b_ ~~c~~ :tada: $x$ &amp; %{latest_tag}",
    "-->",
    "\u202eoverride\u200b",
    "",
    " ",
    "x" * 5_000,
]
MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable("table")


def inline(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from inline(token.children or [])


def shown(text: str) -> str:
    """The text that the one code span in a table's first cell shows."""
    table = f"| a | b |\n|---|---|\n| {code(text)} | end |\n"
    tokens = MARKDOWN.parse(table)
    cells = [
        tokens[at + 1].children or []
        for at, token in enumerate(tokens)
        if token.type in ("td_open", "th_open")
    ]
    assert [[each.content for each in cell] for cell in cells[:2]] == [["a"], ["b"]]
    assert len(cells) == 4
    assert [(each.type, each.content) for each in cells[3]] == [("text", "end")]
    (span,) = cells[2]
    assert span.type == ("code_inline" if text.split() else "text")
    return span.content


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_text_is_one_code_span_in_its_cell(text: str) -> None:
    shown(text)


@given(st.text(alphabet=st.sampled_from("`|\\@#<>a *_[]()\n-&!")))
def test_any_text_is_one_code_span_with_that_text(text: str) -> None:
    expected = printable(" ".join(text.split())) or "-"
    found = shown(text)
    # A pipe after a backslash is shown as \x7c.
    assert found.replace("\\x7c", "\\|") == expected.replace("\\x7c", "\\|")


def test_a_long_text_is_cut_in_its_middle() -> None:
    cut = shown(f"begin{'x' * 5_000}end")
    assert len(cut) <= LONGEST_TEXT
    assert cut.startswith("begin")
    assert cut.endswith("end")


@pytest.mark.parametrize("kind", ["history", "comparison"])
def test_no_text_of_a_document_makes_anything_but_code(kind: str) -> None:
    """Everywhere in a comment; what is ours are the marker, the details and the links."""
    report = Report(
        "history" if kind == "history" else "comparison",
        [
            Change(
                text, text, 1.0, 2.0, 0.5, outcome=outcome, detail=text,
                project=text, environment=text, machine_class=text, branch=text,
            )
            for text in HOSTILE
            for outcome in ("worse", "same", None)
        ],
        against=HOSTILE[7],
        commit=HOSTILE[5],
        failures=[Failure(text, text) for text in HOSTILE],
        missing=HOSTILE,
    )  # fmt: skip
    for text in HOSTILE:
        body = render(report, Frame(text, text, "https://grafana.example", "https://ci.example"))
        tokens = list(inline(MARKDOWN.parse(body)))
        assert {token.type for token in tokens} <= {
            "html_block", "heading_open", "heading_close", "inline", "text", "code_inline",
            "paragraph_open", "paragraph_close", "strong_open", "strong_close", "em_open",
            "em_close", "softbreak", "table_open", "table_close", "thead_open", "thead_close",
            "tbody_open", "tbody_close", "tr_open", "tr_close", "th_open", "th_close", "td_open",
            "td_close", "link_open", "link_close", "html_inline",
        }  # fmt: skip
        html = {token.content.strip() for token in tokens if token.type.startswith("html_")}
        about_a_section = {each for each in html if each.startswith("<details><summary>")}
        assert html - about_a_section == {
            marker(text, text), "</details>", "<sub>", "</sub>",
        }  # fmt: skip
        targets = {str(token.attrs["href"]) for token in tokens if token.type == "link_open"}
        assert {each.partition("?")[0] for each in targets} == {
            "https://grafana.example/d/benchmark",
            "https://ci.example",
        }
        spans = "".join(token.content for token in tokens if token.type == "text")
        assert not [each for each in ("@", "#", "http", "evil", "/close") if each in spans]
        # GitLab takes a line that begins so for a quick action.
        assert not [line for line in body.splitlines() if line.startswith("/")]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_marker_is_one_comment_in_html_and_tells_names_apart(text: str) -> None:
    (token,) = MARKDOWN.parse(f"{marker(text, text)}\n")
    assert token.type == "html_block"
    assert "--" not in marker(text, text)[4:-3]
    assert marker(f"{text}a", "") != marker(text, "a") != marker(text, "")


def test_a_links_parameters_cannot_end_it() -> None:
    assert link("history", "https://g.example/d", a="x)](y|z `\\ &b=1", b="") == (
        "[history](https://g.example/d?a=x%29%5D%28y%7Cz%20%60%5C%20%26b%3D1)"
    )


@pytest.mark.parametrize(
    ("ratio", "text"),
    [(0.0204, "+2.04%"), (-0.5, "-50.00%"), (8.9, "+890.00%"), (24.0, "×25"), (1e300, "×1e+300")],
)
def test_a_change_is_short_however_large(ratio: float, text: str) -> None:
    assert percentage(ratio) == text
    assert len(percentage(abs(ratio), signed=False)) < 10
