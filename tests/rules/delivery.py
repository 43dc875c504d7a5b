"""A real Alertmanager with the rendered configuration, and channels that record what it sends."""

import re
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import MIMEPart
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
import yaml

from tests.rules.alerts import Alert
from tests.rules.endpoints import Answer, HttpEndpoint, MailServer, http_endpoint, mail_server
from tests.rules.rendering import EMAIL, SECRETS, render
from tests.support.paths import REPOSITORY

EXTERNAL_URL = "http://alertmanager.example.org:9093"
SILENCE = f"{EXTERNAL_URL}/#/silences/new?filter="
# From the configuration: group_wait of critical and of other alerts, and group_interval. The last
# is the delay that a busy machine may add; it is less than one of those waits, which would show.
CRITICAL_WAIT_SECONDS, WAIT_SECONDS, INTERVAL_SECONDS, SLACK_SECONDS = 0.25, 10, 10, 9
# For what nothing waits for.
DEADLINE_SECONDS = 60.0


@dataclass(frozen=True)
class Channels:
    """The channels that one Alertmanager delivers to."""

    exporter: HttpEndpoint
    slack: HttpEndpoint
    pagerduty: HttpEndpoint
    email: MailServer


class Server:
    """Alertmanager's process, which can be killed and started again."""

    def __init__(self, words: Sequence[str], url: str, log: Path) -> None:
        self._words = words
        self._url = url
        self._log = log
        self.start()

    def start(self) -> None:
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(self._words, stdout=output, stderr=subprocess.STDOUT)

    def wait_until_ready(self) -> None:
        wait_until(lambda: is_ready(self._url, self._process, self._log), DEADLINE_SECONDS)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(DEADLINE_SECONDS)

    def end(self) -> None:
        self._process.terminate()
        self._process.wait(DEADLINE_SECONDS)


@dataclass(frozen=True)
class Alertmanager:
    """A running Alertmanager and its channels."""

    url: str
    channels: Channels
    server: Server
    data: Path

    def post(self, alerts: Sequence[Alert], **times: str) -> None:
        """Send alerts as Prometheus does."""
        body = [
            {
                "labels": alert.labels,
                "annotations": alert.annotations,
                "generatorURL": alert.generator_url,
                **times,
            }
            for alert in alerts
        ]
        requests.post(
            f"{self.url}/api/v2/alerts", json=body, timeout=DEADLINE_SECONDS
        ).raise_for_status()

    def resolve(self, alerts: Sequence[Alert]) -> None:
        self.post(alerts, endsAt=datetime.now(UTC).isoformat())

    def inhibitors(self, alert: Alert) -> list[str]:
        """Return the names of the alerts that inhibit this one."""
        found = requests.get(f"{self.url}/api/v2/alerts", timeout=DEADLINE_SECONDS).json()
        names = {other["fingerprint"]: other["labels"]["alertname"] for other in found}
        [inhibited_by] = [
            other["status"]["inhibitedBy"] for other in found if other["labels"] == alert.labels
        ]
        return sorted(names[fingerprint] for fingerprint in inhibited_by)

    def has_failed(self, integration: str) -> bool:
        """Return whether it counts a notification as given up, whatever the reason."""
        lines = requests.get(f"{self.url}/metrics", timeout=DEADLINE_SECONDS).text.splitlines()
        start = f'alertmanager_notifications_failed_total{{integration="{integration}"'
        return any(float(line.rpartition(" ")[2]) > 0 for line in lines if line.startswith(start))


@contextmanager
def running_alertmanager(
    folder: Path,
    programs: Mapping[str, Sequence[str]],
    free_port: Callable[[], int],
    *,
    slack: Answer = "ok",
    pagerduty: Answer = "ok",
    email: Answer = "ok",
    language: str = "en",
    exporter_url: str = "",
) -> Iterator[Alertmanager]:
    """Run Alertmanager with the rendered configuration, and channels that answer in this way.

    The exporter is a channel too, unless there is one at an address.
    """
    with ExitStack() as stack:
        channels = Channels(
            exporter=stack.enter_context(http_endpoint()),
            slack=stack.enter_context(http_endpoint(slack)),
            pagerduty=stack.enter_context(http_endpoint(pagerduty)),
            email=stack.enter_context(mail_server(email)),
        )
        rendering = render(
            folder,
            secrets={
                "slack_webhook_url": f"{channels.slack.url}/services/made-up\n",
                "pagerduty_routing_key": f"{SECRETS['pagerduty_routing_key']}\n",
                "smtp_password": SECRETS["smtp_password"],
            },
            settings={
                **EMAIL,
                "PAGERDUTY_URL": f"{channels.pagerduty.url}/v2/enqueue",
                "SMTP_SMARTHOST": channels.email.address,
                "SMTP_REQUIRE_TLS": "false",
                "ALERT_LANGUAGE": language,
            },
            exporter_url=exporter_url or channels.exporter.url,
        )
        assert rendering.process.returncode == 0, rendering.process.stderr
        url, data = f"http://127.0.0.1:{free_port()}", folder / "data"
        words = [
            *programs["alertmanager"],
            f"--config.file={rendering.output}",
            f"--storage.path={data}",
            f"--web.listen-address={url.removeprefix('http://')}",
            f"--web.external-url={EXTERNAL_URL}",
            "--cluster.listen-address=",
            maintenance_flag(),
        ]
        server = Server(words, url, folder / "log")
        try:
            server.wait_until_ready()
            yield Alertmanager(url, channels, server, data)
        finally:
            server.end()


def maintenance_flag() -> str:
    """How often the stack's Alertmanager stores what it has sent."""
    services = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())["services"]
    words: list[str] = services["alertmanager"]["command"]
    return next(word for word in words if word.startswith("--data.maintenance-interval="))


def is_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> bool:
    assert process.poll() is None, f"Alertmanager exited: {log.read_text(encoding='utf-8')}"
    try:
        return requests.get(f"{url}/-/ready", timeout=DEADLINE_SECONDS).ok
    except requests.ConnectionError:
        return False


def wait_until(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.05)


@dataclass(frozen=True)
class Sent:
    """An Alertmanager, and when (monotonic clock) the alerts were sent to it."""

    alertmanager: Alertmanager
    began: float


def webhook(status: str, alert: Alert) -> Callable[[Mapping[str, Any]], bool]:
    return lambda message: any(
        sent["status"] == status and sent["labels"] == alert.labels for sent in message["alerts"]
    )


def links_of(html: MIMEPart) -> list[str]:
    return [unescape(link) for link in re.findall('href="([^"]*)"', html.get_content())]


def silence_matchers(link: str) -> str:
    """Return the matchers that Alertmanager's page for a new silence reads from its address."""
    [(_, matchers)] = parse_qsl(urlsplit(link).fragment.partition("?")[2])
    return matchers
