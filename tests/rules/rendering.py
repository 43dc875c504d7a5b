"""Alertmanager's configuration as `make up` renders it: by running render.py."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.paths import REPOSITORY

ALERTMANAGER = REPOSITORY / "alertmanager"
EXPORTER_URL = "http://127.0.0.1:8000"
SECRETS = {
    "slack_webhook_url": "https://hooks.slack.com/services/T0/B0/made-up-slack-token",
    "pagerduty_routing_key": "made-up-routing-key",
    "smtp_password": "made-up-smtp-password",
}
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
        """What it said, by channel."""
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
    """Renders into the folder, with these secrets written to its secrets/, and no settings but these."""
    secrets_dir, output = folder / "secrets", folder / "rendered" / "alertmanager.yml"
    secrets_dir.mkdir(exist_ok=True)
    for name, secret in secrets.items():
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
