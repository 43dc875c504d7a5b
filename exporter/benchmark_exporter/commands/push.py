"""`benchmark-exporter push`: result files, with their sidecars, to an exporter elsewhere."""

import json
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import click

from benchmark_exporter.client.machine import find_machine
from benchmark_exporter.commands import EXIT_OK, EXIT_REJECTED
from benchmark_exporter.commands.delivery import (
    DeliveryError,
    Exporter,
    Undelivered,
    deliver,
    exporter_at,
)
from benchmark_exporter.commands.options import (
    COMMAND_SETTINGS,
    Command,
    Unusable,
    announce,
    combined,
    exporter_options,
    files_argument,
    option,
    stack_option,
)
from benchmark_exporter.commands.output import show
from benchmark_exporter.commands.stack_file import StackError, find_address
from benchmark_exporter.ingest.suffixes import SIDECAR_SUFFIX, without_suffix
from benchmark_exporter.wording import reason_of

_MACHINE_PREFIX = "machine_"  # of the parameters that describe the machine of a result
# What the command line can state of documents, as parameters of an upload, with its help.
STATED = {
    "project": "Project",
    "environment": "Environment",
    "commit": "Commit",
    "branch": "Branch",
    "base_branch": "Branch that the branch will be merged into",
    "benchmark": "Name of what was measured, of tools that do not state it",
    "machine_os": "Machine's operating system",
    "machine_architecture": "Machine's architecture",
    "machine_cpu_model": "Machine's CPU model",
    "machine_cpu_count": "Machine's number of CPUs",
    "machine_profile": "What distinguishes the machine from others with its CPU",
}


def _stated_option(name: str, meaning: str) -> Callable[[Callable[..., int]], Callable[..., int]]:
    metavar = {"machine_cpu_count": "NUMBER", "commit": "HASH"}.get(name, "NAME")
    kind = click.IntRange(min=1) if name == "machine_cpu_count" else click.STRING
    return option(f"--{name.replace('_', '-')}", type=kind, metavar=metavar, help=f"{meaning}.")


@click.command(
    cls=Command,
    context_settings=COMMAND_SETTINGS,
    epilog="It exits 0 if every file has arrived, 1 if one was refused or not delivered in time, 2 "
    "if none can be sent: no token, a wrong one, or a wrong address.",
)
@files_argument()
@exporter_options("the stack's")
@stack_option
@combined(*(_stated_option(name, meaning) for name, meaning in STATED.items()))
@option(
    "--machine-of-this-host",
    is_flag=True,
    help="The results were measured here: describe this machine where neither the document nor "
    "its sidecar describes one.",
)
def command(
    files: tuple[Path, ...],
    url: str | None,
    token_file: Path | None,
    timeout: float,
    stack: Path | None,
    machine_of_this_host: bool,
    **stated: str | int | None,
) -> int:
    """Send result files, with their sidecars, to an exporter on another machine.

    What the options state of documents counts for those that do not state it themselves, and wins
    over their sidecars.
    """
    machine = machine_parameters(asdict(find_machine())) if machine_of_this_host else {}
    try:
        where = find_address("exporter", url, stack)
        exporter = exporter_at(where.target, token_file, timeout, where.headers)
        announce(f"sending to {where}")
        delivered = push(
            files, exporter, {name: str(value) for name, value in stated.items() if value}, machine
        )
    except (DeliveryError, StackError) as error:
        raise Unusable(str(error)) from error
    return EXIT_OK if delivered else EXIT_REJECTED


def push(
    files: Sequence[Path],
    exporter: Exporter,
    stated: Mapping[str, str],
    machine: Mapping[str, str] | None = None,
    *,
    sleep: Callable[[float], None] = time.sleep,
    jitter: Callable[[float, float], float] = random.uniform,
    report: Callable[[str], None] = show,
) -> bool:
    """Whether the exporter has all of the files now; reports a line for each.

    `stated` wins over sidecars, and is passed as parameters of the upload. `machine`, as from
    `machine_parameters`, is for documents whose sidecar describes no machine: a mixture of two
    would describe neither.

    Raises:
        DeliveryError: the exporter accepts nothing from us, or the address is not an exporter's.
    """
    delivered = True
    for path in files:
        if path.name.endswith(SIDECAR_SUFFIX):
            report(f"{path}: goes with its document")
            continue
        try:
            data, sidecar = _read(path), _sidecar(path)
            has_machine = any(name.startswith(_MACHINE_PREFIX) for name in sidecar)
            query = {**({} if has_machine else machine or {}), **sidecar, **stated}
            line = deliver(str(path), data, query, exporter, sleep=sleep, jitter=jitter)
        except Undelivered as undelivered:
            delivered, line = False, str(undelivered)
        report(f"{path}: {line}")
    return delivered


def machine_parameters(machine: Mapping[str, object]) -> dict[str, str]:
    """What is known of a machine, by the keys of a sidecar, as parameters of an upload."""
    return {
        f"{_MACHINE_PREFIX}{name}": str(value)
        for name, value in machine.items()
        if value not in (None, "")
    }


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Undelivered(f"cannot be read: {error.strerror}") from error


def _sidecar(path: Path) -> dict[str, str]:
    """What a document's sidecar states, as parameters; the exporter checks whether it is right."""
    sidecar = path.with_name(without_suffix(path.name) + SIDECAR_SUFFIX)
    try:
        values = json.loads(sidecar.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise Undelivered(
            f"its sidecar {sidecar.name} cannot be read: {reason_of(error)}"
        ) from error
    machine = values.pop("machine", None) if isinstance(values, dict) else None
    if not isinstance(values, dict) or not all(
        isinstance(value, str | None) for value in values.values()
    ):
        raise Undelivered(
            f"its sidecar {sidecar.name} must be an object of strings, apart from machine"
        )
    if not isinstance(machine, dict | None) or not all(
        isinstance(value, str | int | None) for value in (machine or {}).values()
    ):
        raise Undelivered(
            f"in its sidecar {sidecar.name}, machine must be an object of strings and a count"
        )
    stated = {name: value for name, value in values.items() if value is not None}
    return stated | machine_parameters(machine or {})
