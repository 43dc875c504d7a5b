"""The messages that arrive at each channel, sent by the real Alertmanager with its templates."""

import re
from html import unescape

from tests.rules.alerts import HOSTILE, MANY
from tests.rules.delivery import (
    CRITICAL_WAIT_SECONDS,
    DEADLINE_SECONDS,
    EXTERNAL_URL,
    SILENCE,
    SLACK_SECONDS,
    Alertmanager,
    Sent,
    links_of,
    silence_matchers,
    webhook,
)
from tests.rules.endpoints import mail, pagerduty, slack
from tests.rules.rendering import EMAIL, SECRETS

SILENCE_CRITICAL = (
    f"{SILENCE}%7Balertname%3D%22CriticalPerformanceRegression%22"
    "%2Cbenchmark_name%3D%22compile%22%2Cbranch%3D%22main%22"
    "%2Cenvironment%3D%22ci%22%2Cproject%3D%22router%22%7D"
)


def test_a_critical_alert_at_slack(fired: Alertmanager) -> None:
    title = "[CRITICAL] CriticalPerformanceRegression of compile, 8.20 &lt; 10 &amp; falling"
    _, message = fired.channels.slack.inbox.wait(slack(title), DEADLINE_SECONDS)
    [attachment] = message["attachments"]
    assert attachment["text"] == (
        "p50 speedup 8.20 (threshold: 10)\n"
        "<http://localhost:8000/runbooks/CriticalPerformanceRegression|Runbook>\n"
        "<http://localhost:9090/graph?g0.expr=CriticalPerformanceRegression&amp;g0.tab=1|Query>\n"
        f"<{SILENCE_CRITICAL}|Silence>"
    )
    assert attachment["fallback"] == title
    assert attachment["color"] == "danger"
    assert attachment["title_link"].startswith(EXTERNAL_URL)


def test_several_alerts_of_one_group_at_slack(fired: Alertmanager) -> None:
    title = "[WARNING] 1 file rejected (empty); 1 file rejected (huge)"
    _, message = fired.channels.slack.inbox.wait(slack(title), DEADLINE_SECONDS)
    assert message["attachments"][0]["color"] == "warning"
    assert message["attachments"][0]["text"] == (
        "*firing* 1 file rejected (empty)\nReason empty.\n<http://localhost:8000/runbooks/R|Runbook>\n\n"
        "*firing* 1 file rejected (huge)\nReason huge.\n<http://localhost:8000/runbooks/R|Runbook>\n"
        f"<{SILENCE}%7Balertname%3D%22ResultFileRejected%22%7D|Silence>"
    )


def test_a_critical_alert_at_pagerduty(fired: Alertmanager) -> None:
    _, message = fired.channels.pagerduty.inbox.wait(
        pagerduty("trigger", "CriticalPerformanceRegression of compile"), DEADLINE_SECONDS
    )
    payload = message["payload"]
    assert message["routing_key"] == SECRETS["pagerduty_routing_key"]
    assert message["links"] == [
        {"href": "http://localhost:8000/runbooks/CriticalPerformanceRegression", "text": "Runbook"},
        {"href": SILENCE_CRITICAL, "text": "Silence"},
    ]
    assert (
        payload["summary"]
        == "[CRITICAL] CriticalPerformanceRegression of compile, 8.20 < 10 & falling"
    )
    assert payload["severity"] == "critical"
    assert (payload["class"], payload["component"]) == ("CriticalPerformanceRegression", "compile")
    assert payload["group"] == "performance-engineering"
    assert payload["custom_details"]["firing"] == (
        "*firing* CriticalPerformanceRegression of compile, 8.20 < 10 & falling\n"
        "p50 speedup 8.20 (threshold: 10)\n"
        "Runbook http://localhost:8000/runbooks/CriticalPerformanceRegression\n"
        "Query http://localhost:9090/graph?g0.expr=CriticalPerformanceRegression&g0.tab=1"
    )


def test_a_critical_alert_by_email(fired: Alertmanager) -> None:
    subject = "[CRITICAL] CriticalPerformanceRegression of compile, 8.20 < 10 & falling"
    _, received = fired.channels.email.inbox.wait(mail(subject), DEADLINE_SECONDS)
    assert received.login == (EMAIL["SMTP_USERNAME"], SECRETS["smtp_password"])
    assert (received.sender, received.recipients) == (EMAIL["SMTP_FROM"], [EMAIL["ALERT_EMAIL_TO"]])
    plain, html = received.message.get_body(("plain",)), received.message.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert plain.get_content().splitlines() == [
        "*firing* CriticalPerformanceRegression of compile, 8.20 < 10 & falling",
        "p50 speedup 8.20 (threshold: 10)",
        "Runbook http://localhost:8000/runbooks/CriticalPerformanceRegression",
        "Query http://localhost:9090/graph?g0.expr=CriticalPerformanceRegression&g0.tab=1",
        "",
        f"Silence {SILENCE_CRITICAL}",
    ]
    assert html.get_content().splitlines()[:-1] == [
        (
            '<p style="white-space: pre-line">firing <strong>'
            "CriticalPerformanceRegression of compile, 8.20 &lt; 10 &amp; falling</strong>"
        ),
        "p50 speedup 8.20 (threshold: 10)",
        '<a href="http://localhost:8000/runbooks/CriticalPerformanceRegression">Runbook</a>',
        (
            '<a href="http://localhost:9090/graph'
            '?g0.expr=CriticalPerformanceRegression&amp;g0.tab=1">Query</a></p>'
        ),
    ]
    assert silence_matchers(links_of(html)[-1]) == silence_matchers(SILENCE_CRITICAL)


def test_a_warning_reaches_slack_and_email(fired: Alertmanager) -> None:
    fired.channels.slack.inbox.wait(
        slack("[WARNING] PerformanceBelowThreshold of expand, 8.20 &lt; 10 &amp; falling"),
        DEADLINE_SECONDS,
    )
    fired.channels.email.inbox.wait(
        mail("[WARNING] PerformanceBelowThreshold of expand, 8.20 < 10 & falling"), DEADLINE_SECONDS
    )


def test_everything_that_one_commit_made_worse_is_one_message(
    healthy: Sent, fired: Alertmanager
) -> None:
    channels = fired.channels
    title = (
        "[CRITICAL] compile of router became 30% worse in ci on main, 12ms → 15.6ms; "
        "expand of router became 30% worse in local on main, 12ms → 15.6ms"
    )
    arrived, message = channels.slack.inbox.wait(slack(title), 0)
    assert arrived - healthy.began < CRITICAL_WAIT_SECONDS + SLACK_SECONDS
    [attachment] = message["attachments"]
    assert attachment["color"] == "danger"
    assert attachment["text"] == (
        "*firing* compile of router became 30% worse in ci on main, 12ms → 15.6ms\n"
        "Up to 6.1% could be chance. The last good run was of commit aaa.\n"
        "<http://localhost:3000/d/benchmark?var-project=router&amp;var-environment=ci"
        "&amp;var-branch=main&amp;var-benchmark=compile|Dashboard>\n"
        "<http://localhost:8000/commit?hash=fff&amp;project=router&amp;after=aaa|Commit>\n"
        "<http://localhost:8000/triage?benchmark_name=compile&amp;branch=main|Triage>\n"
        "<http://localhost:8000/runbooks/PerformanceRegression|Runbook>\n\n"
        "*firing* expand of router became 30% worse in local on main, 12ms → 15.6ms\n"
        "Up to 6.1% could be chance. The last good run was of commit aaa.\n"
        "<http://localhost:3000/d/benchmark?var-project=router&amp;var-environment=local"
        "&amp;var-branch=main&amp;var-benchmark=expand|Dashboard>\n"
        "<http://localhost:8000/commit?hash=fff&amp;project=router&amp;after=aaa|Commit>\n"
        "<http://localhost:8000/triage?benchmark_name=expand&amp;branch=main|Triage>\n"
        "<http://localhost:8000/runbooks/PerformanceRegression|Runbook>\n"
        f"<{SILENCE}%7Balertname%3D%22PerformanceRegression%22%2Cbranch%3D%22main%22%2C"
        "last_good_commit%3D%22aaa%22%2Cproject%3D%22router%22%7D|Silence>"
    )
    channels.email.inbox.wait(mail(title), DEADLINE_SECONDS)
    channels.slack.inbox.wait(
        slack("[WARNING] parse of router became 30% worse in ci on main, 12ms → 15.6ms"), 0
    )
    # An unconfirmed regression does not page anyone.
    _, page = channels.pagerduty.inbox.wait(
        pagerduty("trigger", "compile of router became 30% worse in ci"), 0
    )
    assert (
        page["payload"]["summary"]
        == "[CRITICAL] compile of router became 30% worse in ci on main, 12ms → 15.6ms"
    )
    assert page["links"][1] == {
        "href": "http://localhost:3000/d/benchmark?var-project=router&var-environment=ci"
        "&var-branch=main&var-benchmark=compile",
        "text": "Dashboard",
    }
    assert page["links"][3] == {
        "href": "http://localhost:8000/triage?benchmark_name=compile&branch=main",
        "text": "Triage",
    }


def test_each_channel_links_to_the_commit(fired: Alertmanager) -> None:
    to_commit = "http://localhost:8000/commit?hash=fff&project=router&after=aaa"
    channels, title = fired.channels, "compile of router became 30% worse in ci on main"
    _, page = channels.pagerduty.inbox.wait(pagerduty("trigger", title), DEADLINE_SECONDS)
    assert {"href": to_commit, "text": "Commit"} in page["links"]
    assert f"\nCommit {to_commit}\n" in page["payload"]["custom_details"]["firing"]
    subject = (
        f"[CRITICAL] {title}, 12ms → 15.6ms; expand of router became 30% worse in local on main"
    )
    _, received = channels.email.inbox.wait(mail(f"{subject}, 12ms → 15.6ms"), DEADLINE_SECONDS)
    plain, html = (received.message.get_body((kind,)) for kind in ("plain", "html"))
    assert plain is not None
    assert html is not None
    assert plain.get_content().count(f"\nCommit {to_commit}") == 2
    assert links_of(html).count(to_commit) == 2


def test_a_message_of_many_alerts_names_the_first(fired: Alertmanager) -> None:
    summaries = [alert.annotations["summary"] for alert in MANY]
    title = f"[CRITICAL] {'; '.join(summaries[:3])}; 12 in all"
    _, message = fired.channels.slack.inbox.wait(slack(title), 0)
    text = message["attachments"][0]["text"]
    assert [summary for summary in summaries if summary in text] == summaries[:10]
    assert "\n\n12 alerts in all\n" in text
    _, page = fired.channels.pagerduty.inbox.wait(pagerduty("trigger", "many/00"), DEADLINE_SECONDS)
    assert page["payload"]["summary"] == title
    # The alerts have a commit in common, but no dashboard, and an empty address would be rejected.
    assert [link["text"] for link in page["links"]] == ["Runbook", "Commit", "Silence"]
    assert page["payload"]["custom_details"]["firing"].endswith("\n\n12 alerts in all")


def test_quotes_newlines_colons_and_japanese_arrive_intact(fired: Alertmanager) -> None:
    channels = fired.channels
    summary, description = HOSTILE.annotations["summary"], HOSTILE.annotations["description"]
    text = f"*firing* {summary}\n{description}\nRunbook http://localhost:8000/runbooks/Hostile"
    _, page = channels.pagerduty.inbox.wait(pagerduty("trigger", summary), DEADLINE_SECONDS)
    assert page["payload"]["summary"] == f"[CRITICAL] {summary}"
    assert page["payload"]["component"] == HOSTILE.labels["benchmark_name"]
    assert page["payload"]["custom_details"]["firing"] == text
    _, message = channels.slack.inbox.wait(slack(f"[CRITICAL] {summary}"), DEADLINE_SECONDS)
    assert message["attachments"][0]["text"].startswith(
        f"{description}\n<http://localhost:8000/runbooks/Hostile|Runbook>\n<{SILENCE}"
    )
    _, received = channels.email.inbox.wait(mail(f"[CRITICAL] {summary}"), DEADLINE_SECONDS)
    plain, html = received.message.get_body(("plain",)), received.message.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert plain.get_content().replace("\r\n", "\n").startswith(f"{text}\n")
    shown = unescape(re.sub("<[^>]*>", "", html.get_content())).replace("\r\n", "\n")
    assert shown.startswith(f"firing {summary}\n{description}\nRunbook\n")
    _, sent = channels.exporter.inbox.wait(webhook("firing", HOSTILE), DEADLINE_SECONDS)
    assert [alert["annotations"] for alert in sent["alerts"]] == [HOSTILE.annotations]
    # The silence page receives the labels unchanged.
    for link in (page["links"][-1]["href"], links_of(html)[-1]):
        assert (
            silence_matchers(link)
            == '{alertname="Hostile",benchmark_name="say \\"x\\": [1,\\n\\\\2] & <b>日本語"}'
        )


def test_long_texts_are_cut(fired: Alertmanager) -> None:
    channels = fired.channels
    title = f"[CRITICAL] {'長' * 200}…"
    _, page = channels.pagerduty.inbox.wait(pagerduty("trigger", "長"), DEADLINE_SECONDS)
    assert page["payload"]["summary"] == title
    _, message = channels.slack.inbox.wait(slack(title), DEADLINE_SECONDS)
    assert message["attachments"][0]["text"].startswith("d" * 600 + "…\n")
    # A subject that is not ASCII earlier, since it is one line of 998 bytes at most.
    channels.email.inbox.wait(mail(f"[CRITICAL] {'長' * 44}…"), DEADLINE_SECONDS)


def test_the_end_of_an_alert_reaches_every_channel(resolved: tuple[Alertmanager, float]) -> None:
    channels = resolved[0].channels
    title = "[RESOLVED] CriticalPerformanceRegression of compile, 8.20 &lt; 10 &amp; falling"
    _, message = channels.slack.inbox.wait(slack(title), DEADLINE_SECONDS)
    assert message["attachments"][0]["color"] == "good"
    _, trigger = channels.pagerduty.inbox.wait(
        pagerduty("trigger", "CriticalPerformanceRegression of compile"), 0
    )
    _, resolve = channels.pagerduty.inbox.wait(
        pagerduty("resolve", "CriticalPerformanceRegression of compile"), DEADLINE_SECONDS
    )
    assert resolve["dedup_key"] == trigger["dedup_key"]
    assert resolve["payload"]["custom_details"]["resolved"].startswith(
        "*resolved* CriticalPerformanceRegression of compile"
    )
    channels.email.inbox.wait(
        mail("[RESOLVED] CriticalPerformanceRegression of compile, 8.20 < 10 & falling"),
        DEADLINE_SECONDS,
    )
