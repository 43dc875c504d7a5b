"""Where commits are shown: which settings can be used, and which texts become a link."""

from pathlib import Path

import pytest

from benchmark_exporter.config import ConfigError, load_config
from benchmark_exporter.links import Repositories, Repository
from benchmark_exporter.site.commits import commit, compared
from benchmark_exporter.texts.say import ENGLISH

GITHUB = Repository(
    "https://github.com/owner/name/commit/{commit}",
    "https://github.com/owner/name/compare/{base}...{head}",
)
GOOD, BAD = "0123456789abcdef0123456789abcdef01234567", "FEDCBA9"


def test_a_hash_leads_to_its_commit_and_two_to_what_lies_between() -> None:
    assert GITHUB.commit(GOOD) == f"https://github.com/owner/name/commit/{GOOD}"
    assert GITHUB.compare(GOOD, BAD) == f"https://github.com/owner/name/compare/{GOOD}...{BAD}"
    assert GITHUB.compare(GOOD, GOOD) is None
    assert Repository().commit(GOOD) is None
    assert Repository().compare(GOOD, BAD) is None


@pytest.mark.parametrize(
    "text",
    [
        *("", "abc123", "a" * 65, "v1.2.3", "commit-7", f"{GOOD}-dirty", f" {GOOD}", f"{GOOD}\n"),
        *("javascript:alert(1)", "../../evil", "deadbeef/../..", 'deadbeef" onclick="x', "<b>beef"),
        *("٠١٢٣٤٥٦٧", "ｄｅａｄｂｅｅｆ", "dead\u202ebeef", "deadbeef?x=1", "dead%2fbeef"),
    ],
)
def test_another_text_is_shown_and_leads_nowhere(text: str) -> None:
    assert GITHUB.commit(text) is None
    assert GITHUB.compare(text, GOOD) is None
    assert GITHUB.compare(GOOD, text) is None
    html = commit(text, GITHUB)
    assert "<a" not in html
    assert 'onclick="' not in html
    assert compared(GOOD, text, GITHUB, ENGLISH) == ""


def test_a_link_names_its_text_and_gives_nothing_away() -> None:
    assert commit(GOOD, GITHUB) == (
        f'<a href="https://github.com/owner/name/commit/{GOOD}" rel="noopener noreferrer">'
        f'<code title="{GOOD}">0123456789ab</code></a>'
    )
    twisted = Repository("https://code.example/?a=1&c={commit}")
    assert '<a href="https://code.example/?a=1&amp;c=FEDCBA9"' in commit(BAD, twisted)


def test_the_entry_of_a_project_replaces_both_addresses(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(
        f"commit_url: {GITHUB.commit_url}\n"
        f"compare_url: {GITHUB.compare_url}\n"
        "repositories:\n"
        "  router: {commit_url: 'https://[::1]:8443/r/{commit}#top'}\n"
        "  internal: {}\n"
    )
    found = load_config(path).repositories_by_project
    assert found.of("other") == GITHUB
    assert found.of("router") == Repository("https://[::1]:8443/r/{commit}#top")
    assert found.of("internal") == Repository()
    assert Repositories().of("other") == Repository()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("commit_url: 'javascript:alert(\"{commit}\")'", "commit_url: .* must begin with https://"),
        ("commit_url: 'ftp://a.example/{commit}'", "commit_url: .* must begin with https://"),
        ("commit_url: 'https:///{commit}'", "commit_url: .* must begin with https:// or http://"),
        (
            "commit_url: '//a.example/{commit}'",
            "commit_url: .* must begin with https:// or http://",
        ),
        ("commit_url: https://a.example/", r"commit_url: .* must contain \{commit\} once"),
        ("commit_url: 'https://a.example/{commit}/{commit}'", r"must contain \{commit\} once"),
        ("commit_url: 'https://a.example/{hash}'", r"must contain \{commit\} once"),
        ("commit_url: 'https://a.example/{commit}}'", "and no other braces"),
        ("commit_url: 'https://{commit}.a.example/'", "where its host is"),
        ("commit_url: 'https://user:secret@a.example/{commit}'", "must not have a user"),
        ("commit_url: 'https://a.example/ {commit}'", "a character that an address cannot have"),
        ("commit_url: 'https://a.example/\"{commit}'", "a character that an address cannot have"),
        ("commit_url: 'https://a.example/全角/{commit}'", "write it as %XX"),
        ("commit_url: 'https://a.example:port/{commit}'", "commit_url: .* is not an address"),
        ("commit_url: 'https://[::1/{commit}'", "commit_url: .* is not an address"),
        ("commit_url: 7", "commit_url: must be text or null, not a whole number"),
        ("compare_url: 'https://a.example/{base}'", r"compare_url: .*\{base\} and \{head\} once"),
        (
            "repositories: {router: {commit_url: 'mailto:{commit}'}}",
            "repositories.router.commit_url: 'mailto:{commit}' must begin with",
        ),
        ("repositories: {router: {url: x}}", r"repositories\[\.\.\.\]\.url: there is no such key"),
        ("repositories: {'': {}}", "Expected `str` of length >= 1"),
    ],
)
def test_an_address_that_cannot_be_used_is_named_with_its_key(
    text: str, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message) as caught:
        load_config(path)
    assert str(caught.value).startswith(f"{path}: ")
