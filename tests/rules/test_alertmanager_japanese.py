"""Messages in Japanese as they arrive at each channel, sent by the real Alertmanager."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import unescape

import pytest

from tests.rules.alerts import Alert
from tests.rules.delivery import (
    DEADLINE_SECONDS,
    EXTERNAL_URL,
    Alertmanager,
    links_of,
    running_alertmanager,
    silence_matchers,
    webhook,
)
from tests.rules.endpoints import Mail, mail, pagerduty, slack

# Of mail, in bytes (RFC 5322, section 2.1.1).
LONGEST_LINE = 998
# A benchmark as people name it: full-width letters and spaces, an emoji of several code points.
NAME = "\uff32\uff4f\uff55\uff54\uff45\uff52\u3000経路探索👩‍💻"
SUMMARY = f"{NAME}（router）が ci のブランチ main で 30% 悪化しました、12ms → 15.6ms"
DESCRIPTION = (
    "最後の正常な実行はコミット aaa です。- 「始まり」、#2 & <b>：\\n 100％\n"
    "エクスポーター perf-a:8000、https://perf-a:8000"
)
REGRESSION = Alert(
    {
        "alertname": "PerformanceRegression",
        "severity": "critical",
        "team": "performance-engineering",
        "project": "router",
        "benchmark_name": NAME,
        "last_good_commit": "aaa",
    },
    {
        "summary": SUMMARY,
        "description": DESCRIPTION,
        "dashboard_url": "http://localhost:3000/d/benchmark",
        "commit_url": "http://localhost:8000/commit?hash=fff&project=router&after=aaa",
        "triage_url": "http://localhost:8000/triage",
        "runbook_url": "http://localhost:8000/runbooks/ja/PerformanceRegression",
    },
    "http://localhost:9090/graph?g0.expr=x",
)
MANY = [
    Alert(
        {"alertname": "Many", "severity": "critical", "project": "many", "number": f"{number:02}"},
        {"summary": f"{number:02} 個目の結果が悪化しました"},
        "",
    )
    for number in range(12)
]
# What a reader sees as one character, and where a title is cut that ends in it: the text before is
# 198 or 199 characters long.
CLUSTERS = {
    "joined emoji": ("長" * 198 + "👩‍💻" * 3, "長" * 198 + "👩‍💻"),
    "joined emoji, the joiner last": ("長" * 198 + "👩\u200d" + "💻続き", "長" * 198 + "👩‍💻"),
    "a dakuten of its own": ("長" * 199 + "か\u3099" * 3, "長" * 199 + "か\u3099"),
    "a half-width dakuten": ("長" * 199 + "ﾊﾞ" * 3, "長" * 199 + "ﾊﾞ"),
    "a skin tone": ("長" * 199 + "👍🏽" * 3, "長" * 199 + "👍🏽"),
    "a variation selector": ("長" * 199 + "葛\U000e0100" * 3, "長" * 199 + "葛\U000e0100"),
    "flags": ("長" * 199 + "🇯🇵🇩🇪続き", "長" * 199 + "🇯🇵🇩🇪"),
    "an emoji of one code point": ("🐢" * 300, "🐢" * 200),
    "marks without an end": ("長" + "\u3099" * 300, "長" + "\u3099" * 239),
    "joiners without an end": ("\u200d" * 300, "\u200d" * 240),
    "a mark at the very end": ("長" * 200 + "\u3099", "長" * 199),
}
CUT = [
    Alert({"alertname": f"Cut{number}", "severity": "critical"}, {"summary": text}, "")
    for number, (text, _) in enumerate(CLUSTERS.values())
]


# The same of subjects, which are cut earlier.
SUBJECTS = {
    "full width": ("経路" * 60, "経路" * 22),
    "emoji": ("abc🐢" * 45, "abc🐢" * 44),
    "joined emoji": ("路" * 43 + "👩‍💻" * 3, "路" * 43 + "👩‍💻"),
    "a dakuten of its own": ("路" * 43 + "か\u3099" * 3, "路" * 43 + "か\u3099"),
    "ASCII that is encoded": ("路" + "=" * 199, "路" + "=" * 43),
    "ASCII that is not": ("路" + "a" * 190, "路" + "a" * 172),
}
OF_SUBJECTS = [
    Alert({"alertname": f"Subject{number}", "severity": "critical"}, {"summary": text}, "")
    for number, (text, _) in enumerate(SUBJECTS.values())
]


DIGEST = Alert(
    {
        "alertname": "WeeklyDigest",
        "severity": "info",
        "project": "経路探索" * 25,
        "week": "2026-03-02",
    },
    {
        "summary": "router、悪化 1 件、改善 0 件、継続中 1 件、2026-03-02 までの 1 週間",
        "description": f"悪化\n- {'長' * 2994}👩‍💻続き",
        "dashboard_url": "http://localhost:3000/d/overview",
    },
    "",
)


@pytest.fixture(scope="module")
def sent(
    tmp_path_factory: pytest.TempPathFactory,
    programs: Mapping[str, Sequence[str]],
    free_port: Callable[[], int],
) -> Iterator[Alertmanager]:
    folder = tmp_path_factory.mktemp("japanese")
    with running_alertmanager(folder, programs, free_port, language="ja") as alertmanager:
        alertmanager.post([REGRESSION, *MANY, *CUT, *OF_SUBJECTS, DIGEST])
        yield alertmanager


def test_slack(sent: Alertmanager) -> None:
    title = f"[重大] {SUMMARY}"
    _, message = sent.channels.slack.inbox.wait(slack(title), DEADLINE_SECONDS)
    [attachment] = message["attachments"]
    assert attachment["fallback"] == title
    *text, silence = attachment["text"].splitlines()
    assert text == [
        "最後の正常な実行はコミット aaa です。- 「始まり」、#2 &amp; &lt;b&gt;：\\n 100％",
        "エクスポーター perf-a:8000、https://perf-a:8000",
        "<http://localhost:3000/d/benchmark|ダッシュボード>",
        "<http://localhost:8000/commit?hash=fff&amp;project=router&amp;after=aaa|コミット>",
        "<http://localhost:8000/triage|トリアージ>",
        "<http://localhost:8000/runbooks/ja/PerformanceRegression|ランブック>",
        "<http://localhost:9090/graph?g0.expr=x|クエリー>",
    ]
    address, _, word = silence.strip("<>").partition("|")
    assert word == "サイレンス"
    assert f'benchmark_name="{NAME}"' in silence_matchers(address)


def test_pagerduty(sent: Alertmanager) -> None:
    _, event = sent.channels.pagerduty.inbox.wait(pagerduty("trigger", SUMMARY), DEADLINE_SECONDS)
    payload = event["payload"]
    assert payload["summary"] == f"[重大] {SUMMARY}"
    assert payload["severity"] == "critical"
    assert payload["component"] == NAME
    # Parsed as YAML, it stays text.
    assert payload["custom_details"]["firing"] == (
        f"*発生中* {SUMMARY}\n{DESCRIPTION}\n"
        "ダッシュボード http://localhost:3000/d/benchmark\n"
        "コミット http://localhost:8000/commit?hash=fff&project=router&after=aaa\n"
        "トリアージ http://localhost:8000/triage\n"
        "ランブック http://localhost:8000/runbooks/ja/PerformanceRegression\n"
        "クエリー http://localhost:9090/graph?g0.expr=x"
    )
    assert [link["text"] for link in event["links"]] == [
        "ランブック",
        "ダッシュボード",
        "コミット",
        "トリアージ",
        "サイレンス",
    ]
    assert event["links"][-1]["href"].startswith(EXTERNAL_URL)


def test_email(sent: Alertmanager) -> None:
    _, received = sent.channels.email.inbox.wait(mail(f"[重大] {SUMMARY}"), DEADLINE_SECONDS)
    _is_encoded(received)
    plain, html = received.message.get_body(("plain",)), received.message.get_body(("html",))
    assert plain is not None
    assert html is not None
    *lines, silence = plain.get_content().splitlines()
    assert lines == [
        f"*発生中* {SUMMARY}",
        *DESCRIPTION.splitlines(),
        "ダッシュボード http://localhost:3000/d/benchmark",
        "コミット http://localhost:8000/commit?hash=fff&project=router&after=aaa",
        "トリアージ http://localhost:8000/triage",
        "ランブック http://localhost:8000/runbooks/ja/PerformanceRegression",
        "クエリー http://localhost:9090/graph?g0.expr=x",
        "",
    ]
    assert silence.startswith(f"サイレンス {EXTERNAL_URL}")
    shown = unescape(re.sub("<[^>]*>", "", html.get_content())).replace("\r\n", "\n")
    assert shown.startswith(
        f"発生中 {SUMMARY}\n{DESCRIPTION}\nダッシュボード\nコミット\nトリアージ\n"
    )
    assert f'benchmark_name="{NAME}"' in silence_matchers(links_of(html)[-1])


def test_a_message_of_many_alerts(sent: Alertmanager) -> None:
    summaries = [alert.annotations["summary"] for alert in MANY]
    title = f"[重大] {'; '.join(summaries[:3])}; 全 12 件"
    _, message = sent.channels.slack.inbox.wait(slack(title), DEADLINE_SECONDS)
    text = message["attachments"][0]["text"]
    assert text.startswith(f"*発生中* {summaries[0]}\n")
    assert "\n\nアラートは全部で 12 件です\n" in text


@pytest.mark.parametrize("name", CLUSTERS)
def test_no_message_ends_in_the_middle_of_a_character(sent: Alertmanager, name: str) -> None:
    text, cut = CLUSTERS[name]
    title = f"[重大] {cut}…"
    assert text.startswith(cut)
    sent.channels.slack.inbox.wait(slack(title), DEADLINE_SECONDS)
    _, event = sent.channels.pagerduty.inbox.wait(pagerduty("trigger", title), DEADLINE_SECONDS)
    assert event["payload"]["summary"] == title
    _, received = sent.channels.email.inbox.wait(_mail_of(cut), DEADLINE_SECONDS)
    _is_encoded(received)


@pytest.mark.parametrize("name", SUBJECTS)
def test_a_subject_fits_into_a_line_and_ends_with_a_character(
    sent: Alertmanager, name: str
) -> None:
    text, cut = SUBJECTS[name]
    assert text.startswith(cut)
    title = f"[重大] {cut}…"
    _, received = sent.channels.email.inbox.wait(mail(title), DEADLINE_SECONDS)
    _is_encoded(received)


def test_the_weekly_digest(sent: Alertmanager) -> None:
    title = f"ベンチマーク、2026-03-02 までの 1 週間、{'経路探索' * 10}…"
    _, message = sent.channels.slack.inbox.wait(slack(title), DEADLINE_SECONDS)
    assert message["attachments"][0]["text"] == (
        f"*{DIGEST.annotations['summary']}*\n悪化\n- {'長' * 2994}👩‍💻…\n"
        "<http://localhost:3000/d/overview|ダッシュボード>"
    )
    _, received = sent.channels.email.inbox.wait(mail(title), DEADLINE_SECONDS)
    _is_encoded(received)
    plain = received.message.get_body(("plain",))
    assert plain is not None
    assert (
        plain.get_content().rstrip().endswith("\nダッシュボード http://localhost:3000/d/overview")
    )


def test_the_end(sent: Alertmanager) -> None:
    sent.channels.exporter.inbox.wait(webhook("firing", REGRESSION), DEADLINE_SECONDS)
    sent.resolve([REGRESSION])
    title = f"[解消] {SUMMARY}"
    sent.channels.slack.inbox.wait(slack(title), DEADLINE_SECONDS)
    sent.channels.email.inbox.wait(mail(title), DEADLINE_SECONDS)
    _, event = sent.channels.pagerduty.inbox.wait(pagerduty("resolve", SUMMARY), DEADLINE_SECONDS)
    assert event["payload"]["custom_details"]["resolved"].startswith(f"*解消* {SUMMARY}\n")


def _mail_of(text: str) -> Callable[[Mail], bool]:
    """For `Inbox.wait`: a mail whose text begins with an alert of this summary."""

    def wanted(received: Mail) -> bool:
        plain = received.message.get_body(("plain",))
        return plain is not None and plain.get_content().startswith(f"*発生中* {text}…")

    return wanted


def _is_encoded(received: Mail) -> None:
    """RFC 2047's words in the subject, UTF-8 in the body, all of it in ASCII and short lines."""
    subject = dict(received.message.raw_items())["Subject"]
    assert re.fullmatch(r"(=\?utf-8\?[qb]\?[!-~]+\?=\s*)+", subject, re.IGNORECASE)
    assert received.raw.isascii()
    assert max(map(len, received.raw.split(b"\r\n"))) <= LONGEST_LINE
    for part in received.message.walk():
        if not part.is_multipart():
            assert part.get_content_charset() == "utf-8"
            assert part["Content-Transfer-Encoding"] == "quoted-printable"
