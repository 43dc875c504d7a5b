"""Regressions of the stack's exporter that somebody takes."""

import json
import re
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from benchmark_exporter.regression import Limits
from stack.settings import ALERTMANAGER, EXPORTER
from tests.stack.backends import Backend, get, until
from tests.support.documents import result

DEADLINE_SECONDS = 120.0
PROJECT, BENCHMARK = "triaged", "parsing"
# A project whose regressions are all noise: more than four, below which the rule says nothing.
NOISY_PROJECT, NOISY_BENCHMARKS = "trusted", [f"noisy-{number}" for number in range(6)]
TOKEN = "made-up-triage-token-of-the-tests"
QUIET_RUNS = Limits().least_runs + 8
PAGE = f"/triage?{urlencode({'benchmark_name': BENCHMARK, 'project': PROJECT})}"


class Taken:
    """A project of a stack, with a regression."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self._runs = 0

    def run(self, milliseconds: float, project: str = PROJECT, benchmark: str = BENCHMARK) -> None:
        """Drops the results of another run."""
        self._runs += 1
        document = result(self._runs, {benchmark: milliseconds}) | {"project": project}
        folder = self.backend.settings.results_dir
        aside = folder / f".{project}-{self._runs}"
        aside.write_text(json.dumps(document), encoding="utf-8")
        aside.rename(folder / f"{project}-{self._runs:03}.json")

    def run_noisy(self, milliseconds: float) -> None:
        """Drops a run of each noisy benchmark: separate ones, as none moves with another."""
        for benchmark in NOISY_BENCHMARKS:
            self.run(milliseconds, NOISY_PROJECT, benchmark)

    def until_noisy_runs(self, count: int) -> None:
        """Waits until so many runs of each noisy benchmark have been ingested."""
        options = (f"--project={NOISY_PROJECT}", "--limit=500")
        until(
            lambda: len(self.backend.history(*options)) == count * len(NOISY_BENCHMARKS) or None,
            DEADLINE_SECONDS,
            f"{count} runs of each noisy benchmark",
        )

    def say(self, **fields: str) -> None:
        """Gives regressions a state, as a program with a token does."""
        body = json.dumps(fields).encode()
        headers = {"Authorization": f"Bearer {TOKEN}"}
        assert self.ask("/api/v1/triage", body, headers)[0] == 403  # there are no tokens
        tokens = self.backend.settings.secrets_dir / "exporter" / "triage_tokens"
        before = tokens.read_text()
        written = tokens.with_suffix(".new")
        written.write_text(f"{before}bot {TOKEN}\n")
        written.chmod(0o640)
        written.replace(tokens)
        try:
            status, text = self.ask("/api/v1/triage", body, headers)
            assert status == 200, text
        finally:
            tokens.write_text(before)

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

    def states(self, project: str = PROJECT) -> list[str]:
        """The states of the open regressions of a project."""
        _, text = self.ask(f"/api/v1/triage?project={project}")
        return [each["state"] for each in json.loads(text)]

    def state(self) -> str | None:
        """The state of the open regression, None if there is none."""
        return next(iter(self.states()), None)


def call_noise(taken: Taken) -> None:
    """Makes the regressions of the noisy project, says that they are noise, and ends them.

    Only once for each stack, since the counters are asked for by a later file.
    """
    if taken.backend.history(f"--project={NOISY_PROJECT}", "--limit=1"):
        return
    for _ in range(QUIET_RUNS):
        taken.run_noisy(1.0)
    taken.until_noisy_runs(QUIET_RUNS)
    for number in range(2):
        taken.run_noisy(1.5)
        taken.until_noisy_runs(QUIET_RUNS + 1 + number)
    assert taken.states(NOISY_PROJECT) == ["new"] * len(NOISY_BENCHMARKS)
    for benchmark in NOISY_BENCHMARKS:
        taken.say(state="noise", benchmark_name=benchmark, project=NOISY_PROJECT)
    assert taken.states(NOISY_PROJECT) == ["noise"] * len(NOISY_BENCHMARKS)
    taken.run_noisy(1.0)
    until(
        lambda: not taken.states(NOISY_PROJECT) or None,
        DEADLINE_SECONDS,
        "the end of the noisy regressions",
    )
