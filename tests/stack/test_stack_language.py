"""ALERT_LANGUAGE on a whole stack: `make reload` changes it, both ways, and ends no alert."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from stack.settings import ALERTMANAGER, EXPORTER, PROMETHEUS
from tests.stack.backends import Backend, get, get_text, until

ALERT = "Watchdog"
ENGLISH, JAPANESE = "Alerts are evaluated and delivered", "アラートは評価され、届けられています"
ALERT_SECONDS = 120.0


def test_a_reload_changes_the_language_of_alerts_and_ends_none(backend: Backend) -> None:
    _until_it_says(backend, ENGLISH)
    since = _alert(backend)["activeAt"]
    with _in_japanese(backend):
        _until_it_says(backend, JAPANESE)
        alert = _alert(backend)
        assert alert["activeAt"] == since
        runbook = alert["annotations"]["runbook_url"]
        assert runbook == f"{backend.settings.public_url(EXPORTER)}/runbooks/ja/{ALERT}"
        assert get_text(EXPORTER.url(backend.settings, f"/runbooks/ja/{ALERT}.md")).startswith("# ")
        configuration = get(ALERTMANAGER.url(backend.settings, "/api/v2/status"))["config"]
        assert "/templates/ja/*.tmpl" in configuration["original"]
    _until_it_says(backend, ENGLISH)
    assert _alert(backend)["activeAt"] == since


@contextmanager
def _in_japanese(backend: Backend) -> Iterator[None]:
    env = backend.settings.root / ".env"
    before = env.read_text(encoding="utf-8")
    try:
        env.write_text(f"{before}ALERT_LANGUAGE=ja\n", encoding="utf-8")
        _reload(backend)
        yield
    finally:
        env.write_text(before, encoding="utf-8")
        _reload(backend)


def _reload(backend: Backend) -> None:
    reloaded = backend.command("reload")
    assert reloaded.returncode == 0, reloaded.stdout + reloaded.stderr


def _alert(backend: Backend) -> dict[str, Any]:
    alerts = get(PROMETHEUS.url(backend.settings, "/api/v1/alerts"))["data"]["alerts"]
    found: list[dict[str, Any]] = [
        alert for alert in alerts if alert["labels"]["alertname"] == ALERT
    ]
    return found[0] if found else {"annotations": {"summary": ""}}


def _until_it_says(backend: Backend, summary: str) -> None:
    until(
        lambda: _alert(backend)["annotations"]["summary"] == summary or None,
        ALERT_SECONDS,
        f"the alert says {summary}",
    )
