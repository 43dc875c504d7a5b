"""What one exporter is started with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark_exporter.config import Config
from benchmark_exporter.digest.schedule import Weekly
from benchmark_exporter.links import Links
from benchmark_exporter.metrics.definitions import Definition


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """Where an exporter reads, writes and listens, and its configuration."""

    config: Config
    # The file that `config` is of, None for the packaged one, and what replaces its environment.
    config_path: Path | None
    environment: str | None
    definitions: Mapping[str, Definition]
    results_dir: Path
    ledger_path: Path
    upload_tokens: Path | None
    github_webhook_secret: Path | None
    # What requests have to carry; None: whoever reaches the address is answered.
    credential_file: Path | None
    runbooks_dir: Path | None
    links: Links
    host: str
    port: int
    # Host and port of the stream and the live page; None turns them off.
    stream_address: tuple[str, int] | None
    stream_tokens: Path | None
    # Where the exporter reaches Alertmanager; None: alerts are not kept from ending.
    alertmanager_api_urls: Sequence[str]
    # Who may scrape /metrics, besides who has the credential.
    scrape_tokens: Path | None = None
    # When the weekly digest is sent; None: never.
    weekly_digest: Weekly | None = None
    # The file that names the language of the exporter's own alerts; None: English.
    alert_language_file: Path | None = None
    # Who may say by the API what becomes of regressions.
    triage_tokens: Path | None = None

    @property
    def uploads_dir(self) -> Path:
        """Where uploads are kept: next to the ledger, since the results folder is read-only."""
        return self.ledger_path.with_name("uploads")
