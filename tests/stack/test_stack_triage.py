"""From a regression to its end, while somebody has taken it: through the real Alertmanager."""

import json
import re
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import pytest

from benchmark_exporter.regression import Limits
from stack.settings import ALERTMANAGER, EXPORTER
from tests.stack.backends import Backend, get, until
from tests.support.documents import result

DEADLINE_SECONDS = 120.0
PROJECT, BENCHMARK = "triaged", "parsing"
TOKEN = "made-up-triage-token-of-the-tests"
QUIET_RUNS = Limits().least_runs + 8
PAGE = f"/triage?{urlencode({'benchmark_name': BENCHMARK, 'project': PROJECT})}"


class Taken:
    """A project of a stack, with a regression."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self._runs = 0

    def run(self, milliseconds: float) -> None:
        """Drops the results of another run."""
        self._runs += 1
        document = result(self._runs, {BENCHMARK: milliseconds}) | {"project": PROJECT}
        folder = self.backend.settings.results_dir
        aside = folder / f".{PROJECT}-{self._runs}"
        aside.write_text(json.dumps(document), encoding="utf-8")
        aside.rename(folder / f"{PROJECT}-{self._runs:03}.json")

    def alerts(self) -> list[Any]:
        """What Alertmanager has of the project."""
        listed = get(ALERTMANAGER.url(self.backend.settings, "/api/v2/alerts"))
        return [each for each in listed if each["labels"].get("project") == PROJECT]

    def inhibitors(self, step: str = "") -> list[str] | None:
        """The names of the alerts that inhibit the regression's; None while it does not fire."""
        alerts = self.alerts()
        names = {each["fingerprint"]: each["labels"]["alertname"] for each in alerts}
        for each in alerts:
            labels = each["labels"]
            if labels["alertname"] == "PerformanceRegression" and labels.get("step", "") == step:
                return [names.get(other, "?") for other in each["status"]["inhibitedBy"]]
        return None

    def until_inhibited_by(self, names: list[str], step: str = "") -> None:
        until(
            lambda: self.inhibitors(step) == names or None,
            DEADLINE_SECONDS,
            f"PerformanceRegression, step {step!r}, inhibited by {names}",
        )

    def ask(
        self, path: str, data: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, str]:
        """The status and text of an answer through the proxy; redirections are followed."""
        url = EXPORTER.url(self.backend.settings, path)
        request = urllib.request.Request(url, data, dict(headers or {}))
        try:
            with urllib.request.urlopen(request, timeout=DEADLINE_SECONDS) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def confirm(self, state: str, **headers: str) -> int:
        """Opens the page, fills in its form and sends it; the answer's status."""
        _, page = self.ask(PAGE)
        token = re.search(r'name="form_token" value="(\w+)"', page)
        assert token, page
        fields = {"state": state, "who": "ann", "ticket": "T-1", "form_token": token[1]}
        origin = EXPORTER.url(self.backend.settings).rstrip("/")
        sent = {"Content-Type": "application/x-www-form-urlencoded", "Origin": origin, **headers}
        return self.ask(PAGE, urlencode(fields).encode(), sent)[0]

    def state(self) -> str | None:
        """The state of the open regression, None if there is none."""
        _, text = self.ask(f"/api/v1/triage?project={PROJECT}")
        found = json.loads(text)
        return found[0]["state"] if found else None


@pytest.fixture(scope="module")
def taken(backend: Backend) -> Taken:
    stage = Taken(backend)
    for _ in range(QUIET_RUNS):
        stage.run(1.0)
    until(
        lambda: len(backend.history(f"--project={PROJECT}", "--limit=100")) == QUIET_RUNS or None,
        DEADLINE_SECONDS,
        "the quiet runs",
    )
    for _ in range(2):
        stage.run(1.5)
    stage.until_inhibited_by([])
    return stage


def test_what_is_confirmed_on_the_page_mutes_it(taken: Taken) -> None:
    assert taken.confirm("acknowledged", Origin="http://evil.example") == 403
    assert taken.state() == "new"
    assert taken.confirm("acknowledged") == 200
    assert taken.state() == "acknowledged"
    taken.until_inhibited_by(["RegressionTriaged"])


def test_what_gets_worse_is_sent_again(taken: Taken) -> None:
    for number in range(2):
        taken.run(2.2)
        wanted = QUIET_RUNS + 3 + number
        until(
            lambda wanted=wanted: (  # type: ignore[misc]  # bound now, not when it is called
                len(taken.backend.history(f"--project={PROJECT}", "--limit=100")) == wanted or None
            ),
            DEADLINE_SECONDS,
            "a run that is worse",
        )
    taken.until_inhibited_by([], step="1")
    assert taken.state() == "new"


def test_a_program_says_it_with_a_token(taken: Taken) -> None:
    body = json.dumps({"state": "fixing", "benchmark_name": BENCHMARK, "project": PROJECT}).encode()
    headers = {"Authorization": f"Bearer {TOKEN}"}
    assert taken.ask("/api/v1/triage", body, headers)[0] == 403  # there are no tokens
    tokens = taken.backend.settings.secrets_dir / "exporter" / "triage_tokens"
    before = tokens.read_text()
    written = tokens.with_suffix(".new")
    written.write_text(f"{before}bot {TOKEN}\n")
    written.chmod(0o640)
    written.replace(tokens)
    try:
        status, text = taken.ask("/api/v1/triage", body, headers)
        assert status == 200, text
    finally:
        tokens.write_text(before)
    taken.until_inhibited_by(["RegressionTriaged"], step="1")


def test_it_ends_with_the_regression(taken: Taken) -> None:
    for _ in range(2 * Limits().least_runs):
        taken.run(1.0)
    until(
        lambda: (
            all(each["labels"]["alertname"] != "RegressionTriaged" for each in taken.alerts())
            or None
        ),
        DEADLINE_SECONDS,
        "the end of what mutes it",
    )
    assert taken.state() is None
