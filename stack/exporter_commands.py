"""`make history`, `make backfill` and others: benchmark-exporter with this checkout's addresses."""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stack import record
from stack.settings import Settings, StackError

COMMANDS = ("history", "backfill", "baseline", "watch", "push")
# The address that Prometheus has for the other containers.
PROMETHEUS_IN_COMPOSE = "http://prometheus:9090"


def run(settings: Settings, words: Sequence[str]) -> int:
    """Run a command of benchmark-exporter on the stack that was started here; its exit status.

    A command that writes says first where it writes to.

    Raises:
        StackError: no stack was started here, or there is no such command.
    """
    stack = record.read(settings)
    if "exporter_command" not in stack:
        raise StackError("no stack was started from this checkout; start it with: make up")
    if not words or words[0] not in COMMANDS:
        raise StackError(f"name one of {', '.join(COMMANDS)}")
    argv = command(stack, words[0], list(words[1:]))
    if target := _writes_to(stack, words[0]):
        print(f"writing to {target}, of the stack in {settings.root}", file=sys.stderr)
    return subprocess.run(argv, check=False).returncode


def command(stack: Mapping[str, Any], name: str, arguments: list[str]) -> list[str]:
    """Give the words that run a command with the addresses of a stack, as its file has them.

    What the ledger is needed for runs where the ledger is, in the container if need be.
    """
    here = [sys.executable, "-m", "benchmark_exporter", name]
    with_ledger = [*stack["exporter_command"], name]
    ledger = [f"--ledger={stack['ledger']}"] if stack["ledger"] else []
    if name == "watch":
        public = stack["public_urls"]
        addresses = [
            f"--{part}-url={public[part]}" for part in ("prometheus", "grafana") if part in public
        ]
        return [*here, f"--url={stack['stream_url']}", *addresses, *arguments]
    if name == "push":
        return [
            *here,
            f"--url={stack['exporter_url']}",
            f"--token-file={stack['token_file']}",
            *arguments,
        ]
    if name == "backfill":
        if any(Path(word).exists() for word in arguments):  # which a container does not see
            configuration = f"--config={stack['config']}"
            return [*here, f"--url={stack['prometheus_url']}", configuration, *arguments]
        in_container = stack["mode"] == "compose"
        url = PROMETHEUS_IN_COMPOSE if in_container else stack["prometheus_url"]
        return [*with_ledger, f"--url={url}", *ledger, *arguments]
    if name == "baseline":  # whose own command comes first
        return [*with_ledger, *arguments[:1], *ledger, *arguments[1:]]
    return [*with_ledger, *ledger, *arguments]


def _writes_to(stack: Mapping[str, Any], name: str) -> str:
    if name == "backfill":
        return f"Prometheus at {stack['prometheus_url']}"
    if name == "push":
        return f"the exporter at {stack['exporter_url']}"
    return f"the ledger {stack['ledger'] or 'in the container'}" if name == "baseline" else ""
