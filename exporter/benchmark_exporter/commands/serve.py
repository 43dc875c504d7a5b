"""`benchmark-exporter serve`: the exporter itself."""

import asyncio
import os
from pathlib import Path
from typing import Any

import click

from benchmark_exporter import log
from benchmark_exporter.commands import EXIT_OK, values
from benchmark_exporter.commands.config_file import read_config
from benchmark_exporter.commands.options import (
    COMMAND_SETTINGS,
    Command,
    Unusable,
    combined,
    config_options,
    file_option,
    folder_option,
    metrics_option,
    option,
)
from benchmark_exporter.config import Config, ConfigError, packaged
from benchmark_exporter.digest.schedule import parse_weekly
from benchmark_exporter.ledger import LedgerError
from benchmark_exporter.ledger.permissions import keep_private
from benchmark_exporter.links import Links
from benchmark_exporter.metrics.definitions import load_definitions
from benchmark_exporter.server.serve import serve
from benchmark_exporter.server.settings import ServeSettings
from benchmark_exporter.tokens import TokensError, require_token
from benchmark_exporter.wording import path_and_reason

WEEKLY = values.Parsed("time", parse_weekly)
# The parts of the stack that pages and runbooks link to.
LINKED = {
    "exporter": "the exporter",
    "stream": "the live page",
    "prometheus": "Prometheus",
    "alertmanager": "Alertmanager",
    "grafana": "Grafana",
}
link_options = combined(
    *(
        option(
            f"--{part}-url",
            type=values.URL,
            metavar="URL",
            help=f"Where people reach {name}, for links in runbooks and pages.",
        )
        for part, name in LINKED.items()
    )
)


@click.command(
    cls=Command,
    context_settings=COMMAND_SETTINGS,
    epilog="It exits 0 after Ctrl-C or SIGTERM, 2 if it cannot start.",
)
@folder_option(
    "--results-dir",
    default=Path("results"),
    help="Folder that benchmark tools write to. It is only read.",
)
@file_option(
    "--ledger",
    default=Path("ledger.sqlite3"),
    help="Database of what has been ingested.",
)
@file_option(
    "--upload-tokens",
    help="File of the tokens that may upload, one a line. It may appear and change later.",
)
@file_option(
    "--github-webhook-secret",
    help="File of the secrets of GitHub's webhooks, one a line. It may appear and change later.",
)
@option(
    "--listen",
    type=values.ADDRESS,
    default="127.0.0.1:8000",
    metavar="HOST:PORT",
    help="Address of /metrics and the API.",
)
@option(
    "--stream-listen",
    type=values.ADDRESS_OR_OFF,
    default="127.0.0.1:8765",
    metavar="HOST:PORT|off",
    help="Address of the stream and the live page.",
)
@file_option(
    "--stream-tokens",
    help="File of the tokens that may follow the stream. Without it, everyone may.",
)
@file_option(
    "--credential-file",
    help="File of the stack's credential. With it, only the stack's parts and its proxy are "
    "answered, and requests to Alertmanager carry it.",
)
@file_option(
    "--scrape-tokens",
    help="File of the tokens with which a Prometheus elsewhere may scrape /metrics where "
    "--credential-file is set, and nothing else. It may appear and change later.",
)
@file_option(
    "--triage-tokens",
    help="File of the tokens that may give regressions a state by POST /api/v1/triage, one a line. "
    "It may appear and change later.",
)
@metrics_option
@folder_option("--runbooks-dir", help="Folder whose pages are served at /runbooks/NAME.")
@link_options
@option(
    "--alertmanager-api-url",
    type=values.URLS,
    default=(),
    metavar="URL[,URL...]",
    help="Where this exporter reaches Alertmanager, each member of a cluster after a comma. With "
    "it, alerts do not end while Prometheus is away for a while.",
)
@option(
    "--weekly-digest",
    type=WEEKLY,
    metavar="DAY HH:MM",
    help="When to send a digest of the week to Alertmanager, such as 'mon 09:00', by the clock of "
    "config.yaml's timezone. It needs --alertmanager-api-url.",
    show_default="never",
)
@file_option(
    "--alert-language-file",
    help="File with the language of the alerts that the exporter itself sends, en or ja. It may "
    "appear and change later.",
)
@option(
    "--log-format",
    type=click.Choice(("logfmt", "json")),
    default="logfmt",
    help="Format of the log lines on standard error.",
)
@config_options
def command(log_format: log.LogFormat, **options: Any) -> int:
    """Watch a folder of results and serve their metrics."""
    log.configure(log_format)
    try:
        settings = _settings(read_config(options["config"], options["environment"]), options)
        next(os.scandir(settings.results_dir), None)
        keep_private()
        asyncio.run(serve(settings))
    except (ConfigError, LedgerError) as error:
        raise Unusable(str(error)) from error
    except FileNotFoundError as error:
        raise Unusable(
            f"{error.filename}: folder not found; create it or name another with --results-dir"
        ) from error
    except OSError as error:
        raise Unusable(path_and_reason(error)) from error
    return EXIT_OK


def _settings(config: Config, options: dict[str, Any]) -> ServeSettings:
    """Raises ConfigError and OSError."""
    host, port = options["listen"]
    stream_listen = options["stream_listen"]
    urls = {part: url for part in LINKED if (url := options[f"{part}_url"]) is not None}
    return ServeSettings(
        config=config,
        config_path=_absolute(options["config"]),
        environment=options["environment"],
        definitions=load_definitions(options["metrics"] or packaged("metrics.yaml")),
        results_dir=options["results_dir"].absolute(),
        ledger_path=options["ledger"].absolute(),
        upload_tokens=_absolute(options["upload_tokens"]),
        github_webhook_secret=_absolute(options["github_webhook_secret"]),
        credential_file=_credential_file(options["credential_file"]),
        runbooks_dir=options["runbooks_dir"],
        links=Links({part: url.rstrip("/") for part, url in urls.items()}),
        host=host,
        port=port,
        stream_address=None if stream_listen == values.OFF else stream_listen,
        stream_tokens=_absolute(options["stream_tokens"]),
        alertmanager_api_urls=options["alertmanager_api_url"],
        scrape_tokens=_absolute(options["scrape_tokens"]),
        weekly_digest=options["weekly_digest"],
        alert_language_file=_absolute(options["alert_language_file"]),
        triage_tokens=_absolute(options["triage_tokens"]),
    )


def _credential_file(path: Path | None) -> Path | None:
    """Raises ConfigError if there is no credential in the file."""
    if path is not None:
        try:
            require_token(path)
        except TokensError as error:
            raise ConfigError(f"--credential-file: {error}") from error
    return _absolute(path)


def _absolute(path: Path | None) -> Path | None:
    return None if path is None else path.absolute()
