"""`.local/stack.json`: where the stack of a checkout is, for commands that belong to it.

`make up` writes the file before it starts anything; `make down` and `make clean` remove it. It
is a JSON object with these fields, all of them always there:

schema            1; another number is another format.
checkout          absolute path of the checkout. A file that lies elsewhere than in this
                  checkout's `.local` was copied with it, and must be ignored.
mode              "local" or "compose".
addresses         object from part ("exporter", "stream", "prometheus", "alertmanager",
                  "grafana") to its published base address as this machine reaches it, without a
                  slash at the end: "http://127.0.0.1:8000", for the stream "ws://127.0.0.1:8765".
                  A part that this stack does not have is missing.
internal_addresses
                  likewise the addresses behind the proxy, none of them with TLS; they answer only
                  to the stack's credential.
prometheus_urls   list of the internal addresses of every Prometheus; all have the same rules.
credential_file   absolute path of the file with the stack's credential.
public_urls       likewise the addresses that people use, all of them http(s), for output.
ledger            absolute path of the exporter's SQLite file in mode local; null in mode
                  compose, where it is in a volume.
exporter_command  list of words that run `benchmark-exporter` where the ledger is: in mode
                  local with this checkout's Python, and then --ledger or --stack has to be
                  given; in mode compose inside the container, which knows its ledger.
results_dir       absolute path of RESULTS_DIR.
config            absolute path of the exporter's config.yaml.
environment       BENCHMARK_ENVIRONMENT: of results that name none.
token_file        absolute path of the file with the upload tokens, one a line, with or without
                  a name before it. It holds only comments until somebody adds one.

Later versions may add fields: ignore those that are not known.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmark_exporter.atomic_write import write_file
from stack import credential, high_availability, internal
from stack.prepare import UPLOAD_TOKENS
from stack.settings import LISTENERS, NODE_EXPORTER, PROMETHEUS, STREAM, Part, Settings

SCHEMA = 1
NAME = "stack.json"
# What versions before 0.6 left: the mode, and nothing else.
OLD_NAME = "mode"


@dataclass(frozen=True, slots=True)
class Placement:
    """What differs between the modes: the ledger's path, if it has one here, and its command."""

    mode: str
    parts: tuple[Part, ...]
    ledger: Path | None
    exporter_command: tuple[str, ...]


def write(settings: Settings, placement: Placement) -> None:
    """Replace the file with one for a stack that starts.

    Raises:
        OSError: it cannot be written.
    """
    linked = [
        part
        for part in LISTENERS
        if part is not NODE_EXPORTER and (part is STREAM or part in placement.parts)
    ]
    addresses = {part.name: part.url(settings) for part in linked}
    addresses[STREAM.name] = addresses[STREAM.name].replace("http", "ws", 1)
    internal_addresses = {part.name: internal.url(part, settings) for part in linked}
    internal_addresses[STREAM.name] = internal_addresses[STREAM.name].replace("http", "ws", 1)
    prometheus = high_availability.members(PROMETHEUS, settings)
    content = {
        "schema": SCHEMA,
        "checkout": str(settings.root),
        "mode": placement.mode,
        "addresses": addresses,
        "public_urls": {part.name: settings.public_url(part) for part in linked},
        "internal_addresses": internal_addresses,
        "prometheus_urls": [internal.url(one, settings) for one in prometheus],
        "credential_file": str(settings.secrets_dir / credential.FILE),
        "ledger": None if placement.ledger is None else str(placement.ledger),
        "exporter_command": list(placement.exporter_command),
        "results_dir": _results_dir(settings),
        "config": str(settings.root / "exporter/benchmark_exporter/config.yaml"),
        "environment": settings["BENCHMARK_ENVIRONMENT"],
        "token_file": str(settings.secrets_dir / UPLOAD_TOKENS),
    }
    write_file(settings.state_dir / NAME, (json.dumps(content, indent=2) + "\n").encode())
    (settings.state_dir / OLD_NAME).unlink(missing_ok=True)


def read(settings: Settings) -> Mapping[str, Any]:
    """Give the fields of this checkout's file; nothing where no stack was started."""
    try:
        content = json.loads((settings.state_dir / NAME).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return _read_old(settings)
    except ValueError:  # whoever wrote it, it was not us
        return {}
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        return {}
    return content if content.get("checkout") == str(settings.root) else {}


def waiting(settings: Settings) -> list[str]:
    """The settings that have changed since the stack was started, and that only `up` applies.

    Of the others that are so, such as images, the file says nothing.
    """
    started = read(settings)
    now = {
        "RESULTS_DIR": ("results_dir", _results_dir(settings)),
        "BENCHMARK_ENVIRONMENT": ("environment", settings["BENCHMARK_ENVIRONMENT"]),
    }
    found = [name for name, (field, value) in now.items() if started.get(field, value) != value]
    addresses = started.get("addresses", {})
    for part in LISTENERS:
        before = urlsplit(addresses.get(part.name, ""))
        if before.port not in (None, settings.port(part)):
            found.append(part.port_setting)
    return found


def remove(settings: Settings) -> None:
    """Say that the stack is stopped."""
    for name in (NAME, OLD_NAME):
        (settings.state_dir / name).unlink(missing_ok=True)


def _results_dir(settings: Settings) -> str:
    return os.path.abspath(settings.results_dir)  # noqa: PTH100  # links stay links


def _read_old(settings: Settings) -> Mapping[str, Any]:
    try:
        return {"mode": (settings.state_dir / OLD_NAME).read_text(encoding="utf-8").strip()}
    except FileNotFoundError:
        return {}
