"""`make history`, `make backfill` and others: benchmark-exporter with this checkout's addresses."""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stack import parts, record
from stack.settings import Settings, StackError

# With these options, `backfill` is called once.
ONCE = ("--url", "--blocks", "--dry-run")
COMMANDS = ("history", "backfill", "baseline", "triage", "import", "watch", "push")
OF_LEDGER = ("history", "baseline", "triage", "import")
# Where the results folder is in the exporter's container.
RESULTS_IN_COMPOSE = "/results"
# The address that Prometheus has for the other containers.
PROMETHEUS_IN_COMPOSE = "http://prometheus:9090"
PROMETHEUS_B_IN_COMPOSE = "http://prometheus_b:9090"


def run(settings: Settings, words: Sequence[str]) -> int:
    """Run a command of benchmark-exporter on the stack that was started here; its exit status.

    A command that writes says first where it writes to.

    Raises:
        StackError: no stack was started here, there is no such command, or it cannot see a file.
    """
    stack = record.read(settings)
    if "exporter_command" not in stack:
        raise StackError("no stack was started from this checkout; start it with: make up")
    if not words or words[0] not in COMMANDS:
        raise StackError(f"name one of {', '.join(COMMANDS)}")
    name, arguments = words[0], list(words[1:])
    if name == "backfill" and "prometheus" not in stack["addresses"]:
        parts.require(settings, "make backfill", "Prometheus")
    if name == "backfill" and runs_in_container(stack, name, arguments):
        # Which calls Prometheus by another address.
        address = stack["addresses"]["prometheus"]
        print(f"writing to {address} (the stack of {settings.root})", file=sys.stderr)
    return max(
        subprocess.run(command(stack, name, [*where, *arguments]), check=False).returncode
        for where in _targets(stack, name, arguments)
    )


def _targets(stack: Mapping[str, Any], name: str, arguments: list[str]) -> list[list[str]]:
    """The options for each call: `backfill` writes to every Prometheus, unless one is named."""
    urls = stack.get("prometheus_urls", [])
    if name == "import":  # which writes to all of them
        return [_prometheus_of_import(stack, urls, arguments)]
    if name != "backfill" or len(urls) < 2 or any(word.startswith(ONCE) for word in arguments):
        return [[]]
    if runs_in_container(stack, name, arguments):  # which knows its credential
        return [[f"--url={url}"] for url in (PROMETHEUS_IN_COMPOSE, PROMETHEUS_B_IN_COMPOSE)]
    return [[f"--url={url}", f"--credential-file={stack['credential_file']}"] for url in urls]


def _prometheus_of_import(
    stack: Mapping[str, Any], urls: list[str], arguments: list[str]
) -> list[str]:
    """The options of `import`, which finds a single Prometheus of a stack of processes itself."""
    if any(word.startswith(("--url", "--ledger-only")) for word in arguments):
        return []
    if "prometheus" not in stack["addresses"]:
        return ["--ledger-only"]
    if runs_in_container(stack, "import", arguments):
        others = [f"--url={PROMETHEUS_B_IN_COMPOSE}"] if len(urls) > 1 else []
        return [f"--url={PROMETHEUS_IN_COMPOSE}", *others]
    if len(urls) < 2:
        return []
    return [*(f"--url={url}" for url in urls), f"--credential-file={stack['credential_file']}"]


def _in_container(stack: Mapping[str, Any], arguments: list[str]) -> list[str]:
    """The words with the paths that files of the results folder have in the container.

    Raises:
        StackError: a file is not there.
    """
    results, words = Path(stack["results_dir"]).resolve(), list[str]()
    for word in arguments:
        path = Path(word)
        if not word.startswith("-") and path.exists():
            if not path.resolve().is_relative_to(results):
                raise StackError(
                    f"{word}: the ledger is in a container, which sees no other files than those "
                    f"in {results}; copy it into a folder there whose name begins with a dot, "
                    f"which is not read by itself: {results / '.history'}"
                )
            words.append(str(Path(RESULTS_IN_COMPOSE) / path.resolve().relative_to(results)))
        else:
            words.append(word)
    return words


def command(stack: Mapping[str, Any], name: str, arguments: list[str]) -> list[str]:
    """Give the words that run a command on a stack, described as in its file.

    What needs a ledger that is in a container runs there; all else runs here, with `--stack`.
    """
    if runs_in_container(stack, name, arguments):
        url = [f"--url={PROMETHEUS_IN_COMPOSE}"] if name == "backfill" else []
        arguments = _in_container(stack, arguments) if name == "import" else arguments
        return [*stack["exporter_command"], name, *url, *arguments]
    here = [sys.executable, "-m", "benchmark_exporter", name]
    option = f"--stack={stack['checkout']}"
    if name in ("baseline", "triage"):  # whose own command comes first
        return [*here, *arguments[:1], option, *arguments[1:]]
    token = [f"--token-file={stack['token_file']}"] if name == "push" else []
    return [*here, option, *token, *arguments]


def runs_in_container(stack: Mapping[str, Any], name: str, arguments: Sequence[str]) -> bool:
    """Whether a command needs the ledger, and that is in a container, which sees no files here."""
    reads_files = any(Path(word).exists() for word in arguments)
    of_ledger = name in OF_LEDGER or (name == "backfill" and not reads_files)
    return of_ledger and stack["ledger"] is None
