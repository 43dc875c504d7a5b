"""Pages in a browser: the stack's own work through the proxy, and others' reach nothing.

Runs after test_stack.py, on the same stack.
"""

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from stack.settings import ALERTMANAGER, PROMETHEUS, Part
from tests.stack.backends import Backend
from tests.stack.doors import DOORS, PAGES, SILENCE
from tests.stack.pages import (
    LOADED_MS,
    OPENED,
    SENT,
    address,
    changes_nothing,
    forms_change_nothing,
    open_page,
    reads_nothing,
    state,
    stream_address,
)
from tests.support.foreign_pages import click_link, fetch, follow, foreign_page
from tests.support.forgeries import EVIL_HOST

HOSTS = ("localhost", "127.0.0.1", EVIL_HOST)


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    opened = browser.new_context()
    opened.set_default_timeout(LOADED_MS)
    yield opened
    opened.close()


@pytest.fixture
def foreign(context: BrowserContext) -> Iterator[Page]:
    with foreign_page(context) as page:
        yield page


@pytest.mark.parametrize(("part", "path"), OPENED, ids=lambda value: getattr(value, "name", value))
def test_a_page_loads_without_an_error(
    backend: Backend, context: BrowserContext, part: Part, path: str
) -> None:
    open_page(context, backend.settings, part, path)


def test_alertmanagers_own_page_makes_and_ends_a_silence(
    backend: Backend, context: BrowserContext
) -> None:
    """By the requests of its interface, which Debian's package lacks."""
    page = context.new_page()
    page.goto(address(backend.settings, ALERTMANAGER))
    how = {
        "method": "POST",
        "headers": {"Content-Type": "application/json"},
        "body": SILENCE.replace('".+"', '"NoSuchAlert"'),
    }
    status, _, text = fetch(page, "/api/v2/silences", how).partition(" ")
    assert status == "200", text
    identity = json.loads(text)["silenceID"]
    ended = fetch(page, f"/api/v2/silence/{identity}", {"method": "DELETE"})
    assert ended.startswith("200")
    silences, _ = state(backend.settings)
    assert isinstance(silences, dict)
    assert silences[identity] == "expired"


@pytest.mark.parametrize("host", HOSTS)
def test_a_foreign_page_reads_nothing(backend: Backend, foreign: Page, host: str) -> None:
    reads_nothing(foreign, backend.settings, host)


@pytest.mark.parametrize("host", HOSTS)
def test_a_foreign_page_changes_nothing(backend: Backend, foreign: Page, host: str) -> None:
    changes_nothing(foreign, backend.settings, host)


def test_a_form_of_a_foreign_page_changes_nothing(backend: Backend, foreign: Page) -> None:
    forms_change_nothing(foreign, backend.settings)


def test_a_name_that_was_pointed_here_reads_nothing(backend: Backend, foreign: Page) -> None:
    """The page is then of the same origin, so nothing but the name tells it apart."""
    before = state(backend.settings)
    for part in DOORS:
        answer = foreign.goto(address(backend.settings, part, EVIL_HOST) + PAGES[part][0])
        assert answer is not None
        assert answer.status == 403, part.name
        assert "PROXY_HOSTS" in foreign.content()
        for path in PAGES[part]:
            assert fetch(foreign, path).startswith("403 refused"), path
        path, body = SENT[part]
        assert fetch(foreign, path, {"method": "POST", "body": body}).startswith("403 refused")
    assert follow(foreign, stream_address(backend.settings, EVIL_HOST)) == ""
    assert state(backend.settings) == before


def test_a_link_of_a_foreign_page_opens(backend: Backend, foreign: Page) -> None:
    page = foreign.url
    for part in DOORS:
        path = "/metrics" if part is PROMETHEUS else ""
        assert click_link(foreign, address(backend.settings, part) + path) == 200, part.name
        foreign.goto(page)
