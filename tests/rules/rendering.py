"""Alertmanager's configuration, rendered as `make up` does it: by running render.py."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.support.paths import REPOSITORY

ALERTMANAGER = REPOSITORY / "alertmanager"
EXPORTER_URL = "http://127.0.0.1:8000"
SECRETS = {
    "slack_webhook_url": "https://hooks.slack.com/services/T0/B0/made-up-slack-token",
    "pagerduty_routing_key": "made-up-routing-key",
    "smtp_password": "made-up-smtp-password",
}
# As `make up` makes it: without it, the exporter is not notified.
CREDENTIAL = {"stack_credential": "made-up-credential-of-the-stack"}
EMAIL = {
    "SMTP_SMARTHOST": "smtp.example.org:587",
    "SMTP_FROM": "alerts@example.org",
    "SMTP_USERNAME": "alerts",
    "ALERT_EMAIL_TO": "team@example.org",
}


@dataclass(frozen=True)
class Rendering:
    """One run of render.py."""

    output: Path
    process: subprocess.CompletedProcess[str]

    @property
    def lines(self) -> dict[str, str]:
        """What it reported, by channel."""
        return dict(line.split(": ", 1) for line in self.process.stdout.splitlines())


def render(
    folder: Path,
    *,
    secrets: Mapping[str, str],
    settings: Mapping[str, str],
    exporter_url: str = EXPORTER_URL,
    config: Path = ALERTMANAGER / "alertmanager.yml",
    launcher: Sequence[str] = (),
) -> Rendering:
    """Render into the folder, with these secrets in its secrets/ and only these settings."""
    secrets_dir, output = folder / "secrets", folder / "rendered" / "alertmanager.yml"
    secrets_dir.mkdir(exist_ok=True)
    for name, secret in {**CREDENTIAL, **secrets}.items():
        (secrets_dir / name).write_text(secret, encoding="utf-8")
    process = subprocess.run(
        [
            *launcher,
            sys.executable,
            str(ALERTMANAGER / "render.py"),
            f"--config={config}",
            f"--templates={ALERTMANAGER / 'templates'}",
            f"--secrets-dir={secrets_dir}",
            f"--exporter-url={exporter_url}",
            f"--output={output}",
        ],
        env={"PATH": os.environ["PATH"], **settings},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    return Rendering(output, process)


NEEDS: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "pagerduty": ({"pagerduty_routing_key": SECRETS["pagerduty_routing_key"]}, {}),
    "slack": ({"slack_webhook_url": SECRETS["slack_webhook_url"]}, {}),
    "email": ({"smtp_password": SECRETS["smtp_password"]}, EMAIL),
}
"""The secrets and settings that each channel needs."""


def render_channels(folder: Path, channels: Sequence[str]) -> Rendering:
    secrets = {name: secret for channel in channels for name, secret in NEEDS[channel][0].items()}
    settings = {name: value for channel in channels for name, value in NEEDS[channel][1].items()}
    rendering = render(folder, secrets=secrets, settings=settings)
    assert rendering.process.returncode == 0, rendering.process.stderr
    return rendering


def all_receivers(rendering: Rendering) -> list[str]:
    document = yaml.safe_load(rendering.output.read_text(encoding="utf-8"))
    return [receiver["name"] for receiver in document["receivers"]]


def receivers(rendering: Rendering) -> list[str]:
    """Those of alerts: each is a channel, of which some have another receiver for the digest."""
    return [name for name in all_receivers(rendering) if not name.endswith("-digest")]


def amtool(
    programs: Mapping[str, Sequence[str]], *arguments: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*programs["amtool"], *arguments], capture_output=True, text=True, check=False, timeout=30
    )
