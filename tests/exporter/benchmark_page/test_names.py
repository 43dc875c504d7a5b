"""Names of any content come through the ledger, the address and the page unharmed."""

from urllib.parse import urlsplit

from hypothesis import example, given
from hypothesis import strategies as st
from yarl import URL

from benchmark_exporter.benchmark_page import address
from benchmark_exporter.benchmark_page.list_places import folded
from benchmark_exporter.benchmark_page.list_query import ListQuery, read_list_query
from benchmark_exporter.benchmark_page.markup import attribute, link, name
from benchmark_exporter.benchmark_page.query import read_benchmark_query
from benchmark_exporter.model import Scope
from benchmark_exporter.wording import printable
from tests.exporter.benchmark_page.serving import get, serving
from tests.support.documents import result
from tests.support.page_reading import ReadPage
from tests.support.wired import Wired

NAMES = [
    "plain",
    "two  spaces / and//slashes",
    "<script>alert(1)</script>",
    "\"quotes' & &amp; %41 +plus #hash ?query=1&name=2;",
    "全角ベンチマーク　テスト",
    "é 👩‍👩‍👧 e\u0301",
    "..",
    "a\\b",
    "x" * 500,
    "界" * 500,
]
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)


@given(TEXT, TEXT, TEXT, TEXT)
@example("\r\n\t\0", "<b>", "&#13;", "\u202e")
def test_an_address_states_what_it_was_made_of(
    benchmark: str, project: str, environment: str, branch: str
) -> None:
    scope = Scope(project, environment, "", branch)
    html = link(address(benchmark, scope), name(benchmark))
    page = ReadPage(html)
    ((href, shown),) = page.links
    # The parser of HTML, as browsers, has NUL as another character; text is shown escaped.
    assert shown == printable(benchmark)
    assert page.tags == {"a", "span"}
    query = read_benchmark_query(URL(f"/{href}", encoded=True).query)
    assert query.name == benchmark
    assert query.scope.selects(scope)
    assert not query.scope.selects(Scope(project, environment, "other", branch))


def test_a_value_of_a_form_keeps_its_line_ends() -> None:
    # HTML's parser makes one line end of these where they stand for themselves.
    assert attribute('a\r\nb\t"') == "a&#13;&#10;b&#9;&quot;"


@given(TEXT, TEXT)
def test_so_does_that_of_the_list(project: str, wanted: str) -> None:
    query = ListQuery(q=wanted.strip(), project=project, state="critical", page=3)
    again = read_list_query(URL(f"/{query.address(page='3')}", encoded=True).query)
    assert again == query


async def test_names_lead_from_the_list_to_their_page(wired: Wired) -> None:
    wired.take("a.json", result(0, dict.fromkeys(NAMES, 1.0)) | {"project": "a & <b> 'c'"})
    async with serving(wired.ledger_path, wired.now) as client:
        listed = await get(client, "benchmarks?sort=name")
        for each in NAMES:
            page = await get(client, listed.address_of(each))
            assert page.headings[0].startswith(each)
            assert "script" not in page.tags
            assert urlsplit(page.address_of("7 days")).path == "benchmark"
            assert (await get(client, page.address_of("7 days"))).headings[0].startswith(each)


async def test_full_width_and_case_do_not_matter_to_the_search(wired: Wired) -> None:
    wired.take("a.json", result(0, {"Ｐａｒｓｅ ベンチ": 1.0, "render": 1.0}))
    async with serving(wired.ledger_path, wired.now) as client:
        for wanted in ("parse", "PARSE", "ﾍﾞﾝﾁ"):
            found = await get(client, ListQuery(q=wanted).address())
            assert [row[0] for row in found.rows[1:]] == ["Ｐａｒｓｅ ベンチ"]
    assert folded("Straße") == folded("STRASSE")
