"""The channels of a stack under test, set up as a user does it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.rules.endpoints import HttpEndpoint, MailServer, http_endpoint, mail_server
from tests.stack.backends import Backend

ROUTING_KEY = "made-up-routing-key"


@dataclass(frozen=True)
class Channels:
    """Servers that record what the stack sends to PagerDuty, Slack and by email."""

    slack: HttpEndpoint
    pagerduty: HttpEndpoint
    email: MailServer


@contextmanager
def configured_channels(backend: Backend) -> Iterator[Channels]:
    """Run the servers, and have the stack send to them meanwhile."""
    with (
        http_endpoint(host=backend.host) as slack,
        http_endpoint(host=backend.host) as pagerduty,
        mail_server(host=backend.host) as email,
    ):
        secrets = {
            "slack_webhook_url": f"{slack.url}/services/made-up",
            "pagerduty_routing_key": ROUTING_KEY,
        }
        settings = {
            "PAGERDUTY_URL": f"{pagerduty.url}/v2/enqueue",
            "SMTP_SMARTHOST": email.address,
            "SMTP_FROM": "alerts@example.org",
            "SMTP_REQUIRE_TLS": "false",
            "ALERT_EMAIL_TO": "team@example.org",
        }
        env = backend.settings.root / ".env"
        before = env.read_text(encoding="utf-8")
        try:
            env.write_text(
                before + "".join(f"{name}={value}\n" for name, value in settings.items()),
                encoding="utf-8",
            )
            for name, secret in secrets.items():
                (backend.settings.secrets_dir / name).write_text(f"{secret}\n", encoding="utf-8")
            reloaded = backend.command("reload")
            assert reloaded.returncode == 0, reloaded.stdout + reloaded.stderr
            assert [
                line
                for line in map(str.strip, reloaded.stdout.splitlines())
                if line.endswith(": on")
            ] == [*("exporter: on", "pagerduty: on", "slack: on", "email: on")]
            yield Channels(slack, pagerduty, email)
        finally:
            env.write_text(before, encoding="utf-8")
            for name in secrets:
                (backend.settings.secrets_dir / name).unlink(missing_ok=True)
            reloaded = backend.command("reload")
            assert reloaded.returncode == 0, reloaded.stdout + reloaded.stderr
