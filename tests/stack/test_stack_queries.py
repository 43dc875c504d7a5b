"""The queries of docs/operations.md, asked of a running stack: that of test_stack.py."""

import re
from urllib.parse import urlencode

import pytest

from stack.settings import PROMETHEUS
from tests.stack.backends import Backend, get, until
from tests.support.paths import REPOSITORY

PAGE = (REPOSITORY / "docs/operations.md").read_text(encoding="utf-8")
QUERIES = re.findall(r"^```promql\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
# Others need two evaluations or scrapes, which a stack that was used by other tests has had.
SECOND_EVALUATION_SECONDS = 150.0
# A new stack has no answer to these: nothing is measured in its first five minutes.
AFTER_MINUTES = ("job:scrape_errors:", "job:availability:")


def test_the_page_has_queries() -> None:
    assert len(QUERIES) >= 5


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_of_the_page_has_an_answer(backend: Backend, query: str) -> None:
    path = f"/api/v1/query?{urlencode({'query': query})}"
    may_be_empty = any(name in query for name in AFTER_MINUTES)

    def answered() -> bool | None:
        answer = get(PROMETHEUS.url(backend.settings, path))
        assert answer["status"] == "success"
        return bool(answer["data"]["result"]) or may_be_empty or None

    until(answered, SECOND_EVALUATION_SECONDS, "an answer")
