"""`make up` with both overlays as containers: what a pair, a cluster and the store do there.

The same properties are tested of processes, at length, by test_high_availability.py and
test_long_term.py; this is about docker-compose.ha.yml and docker-compose.long-term.yml.
"""

import os
import socket
import subprocess
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import psutil
import pytest

from stack import internal
from stack.compose import ComposeStack, engine_answers
from stack.high_availability import ADDED, ALERTMANAGER_B, MEMBERS, PROMETHEUS_B
from stack.project import derived_name
from stack.settings import ALERTMANAGER, EXPORTER, PROMETHEUS, VMAUTH, Part
from tests import guardian
from tests.rules.endpoints import HttpEndpoint, http_endpoint
from tests.stack.backends import PUBLIC_HOST, Compose, get, query, trust, until
from tests.stack.checkouts import checkout, ports
from tests.stack.orbit import FAST, SLOW, drop, run_of

ALERT = "CriticalPerformanceRegression"
OVERLAYS = {"HIGH_AVAILABILITY": "yes", "LONG_TERM_STORE": "yes"}
DEADLINE_SECONDS = 120.0


@pytest.fixture(scope="module")
def pagerduty() -> Iterator[HttpEndpoint]:
    if not engine_answers():
        pytest.skip("no Docker engine with the compose plugin answers")
    # An engine that has made its bridge just now does not say yet which address it has there.
    [host] = [
        each.address
        for each in psutil.net_if_addrs()["docker0"]
        if each.family == socket.AddressFamily.AF_INET
    ]
    with http_endpoint(host=host) as endpoint:
        yield endpoint


@pytest.fixture(scope="module")
def containers(
    tmp_path_factory: pytest.TempPathFactory,
    free_port: Callable[[], int],
    images: Callable[[], Mapping[str, str]],
    pagerduty: HttpEndpoint,
) -> Iterator[Compose]:
    folder = tmp_path_factory.mktemp("overlays") / "checkout"
    name = derived_name(folder)
    image = f"strataregula/benchmark-exporter:{name}"
    own = {
        "MODE": "compose",
        "PUBLIC_HOST": PUBLIC_HOST,
        "EXPORTER_IMAGE": image,
        "PAGERDUTY_URL": f"{pagerduty.url}/v2/enqueue",
    }
    values = {**own, **OVERLAYS, **ports(free_port), **images(), **trust()}
    settings = checkout(folder, values)
    (settings.secrets_dir / "pagerduty_routing_key").write_text("made-up-routing-key\n")
    backend = Compose("compose", settings, list(ComposeStack(settings).parts()))
    down = ["docker", "compose", "--project-name", name, "down", "--volumes", "--remove-orphans"]
    remove_image = ["docker", "image", "rm", image]
    at_end = [guardian.at_end(name, down), guardian.at_end(f"then-{name}", remove_image)]
    try:
        up = backend.command("up")
        assert up.returncode == 0, up.stdout + up.stderr
        yield backend
        clean = backend.command("clean", "--yes")
        assert clean.returncode == 0, clean.stdout + clean.stderr
        left = ["docker", "ps", "--all", "--quiet", "--filter", f"name=^/?{name}-"]
        assert subprocess.run(left, capture_output=True, check=True).stdout == b""
    finally:
        subprocess.run(down, cwd=os.sep, capture_output=True, check=False)
        subprocess.run(remove_image, capture_output=True, check=False)
        for path in at_end:
            path.unlink()


def peers(containers: Compose, part: Part) -> int | None:
    """How many Alertmanagers one knows, with itself; None while it does not answer."""
    try:
        status = internal.get_json(part, containers.settings, "/api/v2/status")
    except OSError:
        return None
    return len(status["cluster"]["peers"])


def in_store(containers: Compose, expression: str) -> list[Any]:
    path = f"/api/v1/query?{urllib.parse.urlencode({'query': expression})}"
    found: list[Any] = internal.get_json(VMAUTH, containers.settings, path)["data"]["result"]
    return found


def test_every_member_runs_and_knows_the_others(containers: Compose) -> None:
    status = containers.command("status")
    assert status.returncode == 0, status.stdout + status.stderr
    for part in (*ADDED, VMAUTH):
        assert part.name in status.stdout
    for part in MEMBERS[ALERTMANAGER]:
        until(
            lambda: peers(containers, part) == 3 or None,  # noqa: B023  # called here
            DEADLINE_SECONDS,
            f"{part.name} knows the others",
        )


def test_both_prometheus_scrape_and_the_store_has_what_they_write(containers: Compose) -> None:
    expression = 'up{job="benchmark-exporter"} == 1'
    path = f"/api/v1/query?{urllib.parse.urlencode({'query': expression})}"

    def scraped(part: Part) -> bool | None:
        try:
            answer = internal.get_json(part, containers.settings, path)
        except OSError:
            return None
        return bool(answer["data"]["result"]) or None

    for part in MEMBERS[PROMETHEUS]:
        until(
            lambda: scraped(part),  # noqa: B023  # called here
            DEADLINE_SECONDS,
            f"{part.name} scrapes",
        )
    until(lambda: in_store(containers, expression) or None, DEADLINE_SECONDS, "the store has it")


def test_an_alert_is_sent_although_one_of_each_kind_is_dead(
    containers: Compose, pagerduty: HttpEndpoint
) -> None:
    for number in range(3):
        drop(containers, f"fast-{number}.json", run_of(FAST, number))
    until(
        lambda: query(containers.settings, "benchmark_verdict") or None,
        DEADLINE_SECONDS,
        "the runs are shown",
    )
    # Not `kill`: the engine would start them again.
    for part in (PROMETHEUS, ALERTMANAGER_B):
        stopped = containers.command("compose", "stop", "--timeout=1", part.name)
        assert stopped.returncode == 0, stopped.stderr
    drop(containers, "slow.json", run_of(SLOW, 3))
    pagerduty.inbox.wait(
        lambda one: one["event_action"] == "trigger" and "orbit" in str(one["payload"]),
        DEADLINE_SECONDS,
    )

    def is_shown() -> bool | None:
        shown = get(EXPORTER.url(containers.settings, "/api/v1/status"))["alerts"]
        return ALERT in {one["alertname"] for one in shown} or None

    until(is_shown, DEADLINE_SECONDS, "the exporter's webhook has got it, too")
    # The published address leads to the Prometheus that lives, and the store has its samples.
    until(
        lambda: query(containers.settings, "benchmark_verdict") or None,
        DEADLINE_SECONDS,
        "the other Prometheus has scraped the verdicts",
    )
    # It answers of what is 30 s old.
    firing = f'ALERTS{{alertname="{ALERT}", alertstate="firing"}}'
    until(lambda: in_store(containers, firing) or None, DEADLINE_SECONDS, "the store has it")


def test_up_starts_again_what_was_stopped(containers: Compose) -> None:
    up = containers.command("up")
    assert up.returncode == 0, up.stdout + up.stderr
    assert peers(containers, ALERTMANAGER_B)
    path = "/api/v1/query?query=1"
    for part in (PROMETHEUS, PROMETHEUS_B):
        assert internal.get_json(part, containers.settings, path)["status"] == "success"
