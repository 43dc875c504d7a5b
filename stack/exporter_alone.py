"""The exporter alone, PARTS=exporter: what lets the Prometheus of another stack scrape it."""

import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from benchmark_exporter.atomic_write import write_file
from benchmark_exporter.tokens import parse_tokens
from stack.parts import has_address, is_exporter_alone
from stack.settings import (
    ALERTMANAGER,
    EXPORTER,
    GRAFANA,
    PROMETHEUS,
    SECRETS,
    STREAM,
    Settings,
)

SCRAPE_TOKENS = "exporter/scrape_tokens"
COMPOSE_FILE = "docker-compose.exporter.yml"
SERVICES = ("exporter", "proxy")
# What the exporter's pages link to, where it is not here.
ELSEWHERE = (PROMETHEUS, ALERTMANAGER, GRAFANA)


def make_token(settings: Settings) -> Iterator[str]:
    """Make a token for a Prometheus elsewhere if there is none; yields a line then.

    Raises:
        OSError: the file cannot be written.
    """
    file = settings.secrets_dir / SCRAPE_TOKENS
    if not is_exporter_alone(settings) or parse_tokens(file.read_text(encoding="utf-8"))[0]:
        return
    with file.open("a", encoding="utf-8") as tokens:
        tokens.write(f"prometheus {secrets.token_urlsafe(32)}\n")
    yield f"made a token for a Prometheus elsewhere: {SECRETS / SCRAPE_TOKENS}"


def notices(settings: Settings) -> Iterator[str]:
    """What is set but has no effect on an exporter alone."""
    if is_exporter_alone(settings) and settings["WEEKLY_DIGEST"]:
        yield (
            "WEEKLY_DIGEST has no effect with PARTS=exporter: Alertmanager sends the digest, and "
            "there is none here"
        )


def weekly_digest(settings: Settings) -> list[str]:
    """The option of `serve` for it; an exporter alone has no Alertmanager to send it."""
    weekly = settings["WEEKLY_DIGEST"]
    return [f"--weekly-digest={weekly}"] if weekly and not is_exporter_alone(settings) else []


def compose(settings: Settings, words: Iterable[str]) -> list[str]:
    """The words that run a command of Compose on the parts that PARTS has.

    An exporter alone has a file of its own, written here: a whole proxy would publish the ports of
    all parts.

    Raises:
        OSError: the file cannot be written.
    """
    if not is_exporter_alone(settings):
        return ["docker", "compose", *words]
    file = settings.state_dir / COMPOSE_FILE
    text = (settings.root / "docker-compose.yml").read_text(encoding="utf-8")
    document = without_the_rest(yaml.safe_load(text), settings)
    write_file(file, yaml.safe_dump(document, sort_keys=False).encode())
    options = ("--project-directory", str(settings.root), "--file", str(file))
    return ["docker", "compose", *options, *words]


def without_the_rest(document: dict[str, Any], settings: Settings) -> dict[str, Any]:
    """docker-compose.yml with the exporter and the two doors of its proxy alone."""
    services = {name: document["services"][name] for name in SERVICES}
    environment = dict(services["exporter"]["environment"])
    for needed in ("ALERTMANAGER_API_URL", "WEEKLY_DIGEST"):  # the second needs the first
        del environment[f"BENCHMARK_EXPORTER_{needed}"]
    for part in ELSEWHERE:
        if not has_address(settings, part):
            del environment[f"BENCHMARK_EXPORTER_{part.public_url_setting.removeprefix('PUBLIC_')}"]
    services["exporter"] = {**services["exporter"], "environment": environment}
    doors = [f"${{{part.port_setting}}}" for part in (EXPORTER, STREAM)]
    services["proxy"] = {
        **services["proxy"],
        "ports": [port for port in services["proxy"]["ports"] if any(d in port for d in doors)],
    }
    return {
        "name": document["name"],
        "services": services,
        "networks": document["networks"],
        "volumes": {name: document["volumes"][name] for name in SERVICES},
        "secrets": {name: document["secrets"][name] for name in ("ca_bundle", "pip_conf")},
    }


def token_file(address: str) -> str:
    """The name of the file with an exporter's token: host and port of its address."""
    return f"{urlsplit(address).netloc.replace(':', '_')}.token"


def lines(settings: Settings, authority: Path | None) -> Iterator[str]:
    """What a user has to do so that another stack's Prometheus scrapes this exporter."""
    address = settings.public_url(EXPORTER)
    yield "\nOnly the exporter runs here. So that the Prometheus of another stack scrapes it, there"
    yield f"  add to EXPORTERS in .env   {address}"
    yield (
        f"  make secrets/exporters/{token_file(address)}, with the token in "
        f"{SECRETS / SCRAPE_TOKENS} here"
    )
    if authority is not None:
        name = token_file(address).replace(".token", ".crt")
        yield f"  make secrets/exporters/{name}, a copy of {authority} here"
    yield "  and run make reload; docs/several-exporters.md has more, such as discovery"
    if not settings.is_open_to_network:
        yield (
            f"Other machines cannot reach it yet: BIND_ADDRESS is {settings['BIND_ADDRESS']}, "
            "see docs/security.md"
        )
    elif settings["PUBLIC_HOST"] == "localhost":
        yield "Other machines need another name than localhost: set PUBLIC_HOST"
