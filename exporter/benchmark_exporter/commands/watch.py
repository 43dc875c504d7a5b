"""`benchmark-exporter watch`: the stream in a terminal, or as plain lines in a pipe."""

import asyncio
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import click

from benchmark_exporter.commands import EXIT_OK, values
from benchmark_exporter.commands.delivery import DeliveryError, find_token
from benchmark_exporter.commands.event_json import json_lines
from benchmark_exporter.commands.event_lines import Line, lines
from benchmark_exporter.commands.options import (
    COMMAND_SETTINGS,
    PREFIX,
    Command,
    Unusable,
    file_option,
    option,
    stack_option,
)
from benchmark_exporter.commands.origins import Origins
from benchmark_exporter.commands.output import show
from benchmark_exporter.commands.screen import PlainScreen, Screen
from benchmark_exporter.commands.stack_file import StackError, Where, find_address
from benchmark_exporter.commands.stream_client import Lost, StreamTarget, WatchError, follow
from benchmark_exporter.stream.messages import Hello, Progress

DEFAULT_URL = "ws://localhost:8765"
TOKEN_VARIABLE = f"{PREFIX}_STREAM_TOKEN"


@click.command(
    cls=Command,
    context_settings=COMMAND_SETTINGS,
    epilog="It exits 130 after Ctrl-C, 0 when its output is closed, 2 if the exporter refuses it.",
)
@option(
    "--url",
    type=values.STREAM_URL,
    metavar="URL",
    shared=False,
    help="Address of the exporter's stream.",
    show_default=f"the stack's, else {DEFAULT_URL}",
)
@stack_option
@option(
    "--project",
    multiple=True,
    metavar="GLOB",
    shared=False,
    help="Only projects with such a name. May be repeated.",
)
@option(
    "--benchmark",
    multiple=True,
    metavar="GLOB",
    shared=False,
    help="Only benchmarks with such a name, like 'router*'. May be repeated.",
)
@option(
    "--branch",
    multiple=True,
    metavar="GLOB",
    shared=False,
    help="Only branches with such a name, like 'release/*'. May be repeated.",
)
@file_option(
    "--token-file",
    help="File whose first token is sent.",
    show_default=f"the token in {TOKEN_VARIABLE}",
)
@option(
    "--prometheus-url",
    type=values.URL,
    metavar="URL",
    help="Address of Prometheus to show.",
    show_default="the stack's, else port 9090 of the same machine",
)
@option(
    "--grafana-url",
    type=values.URL,
    metavar="URL",
    help="Address of Grafana to show.",
    show_default="the stack's, else port 3000 of the same machine",
)
@option("--plain", is_flag=True, help="Write plain lines on a terminal too.")
@option(
    "--json", "as_json", is_flag=True, shared=False, help="Write a line of JSON for each event."
)
def command(
    url: str | None,
    stack: Path | None,
    project: tuple[str, ...],
    benchmark: tuple[str, ...],
    branch: tuple[str, ...],
    token_file: Path | None,
    prometheus_url: str | None,
    grafana_url: str | None,
    plain: bool,
    as_json: bool,
) -> int:
    """Show runs, verdicts and alerts as they happen.

    On a terminal, what runs now stays at the bottom; in a pipe, every event is a plain line.
    """
    try:
        token = find_token(token_file, TOKEN_VARIABLE)
        where = find_address("stream", url, stack, default=DEFAULT_URL)
    except (DeliveryError, StackError) as error:
        raise Unusable(str(error)) from error
    target = StreamTarget(where.target, project, benchmark, branch, token, where.headers)
    shown = StreamTarget(where.address)
    try:
        if as_json:
            asyncio.run(print_json(target))
            return EXIT_OK
        for name, address in (
            ("stream", shown.stream_url),
            ("live page", shown.page_url),
            ("Prometheus", prometheus_url or _address(where, "prometheus", 9090)),
            ("Grafana", grafana_url or _address(where, "grafana", 3000)),
        ):
            show(f"{name:<10} {address}")
        _show(target, plain=plain or not sys.stdout.isatty())
    except WatchError as error:
        raise Unusable(str(error)) from error
    except BrokenPipeError:
        # What Python has not flushed yet has no reader.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return EXIT_OK


def _address(where: Where, part: str, port: int) -> str:
    """The part's address in the stack, if one is known, else the usual one."""
    if where.stack is not None:
        return where.stack.addresses.get(part, "not part of this stack")
    return f"http://{urlsplit(where.address).hostname}:{port}"


def _show(target: StreamTarget, *, plain: bool) -> None:
    if plain:
        asyncio.run(watch(target, PlainScreen(sys.stdout, time.monotonic)))
        return
    # rich takes longer to load than the rest, and a pipe needs none of it.
    from rich.console import Console

    from benchmark_exporter.commands.terminal import TerminalScreen

    with TerminalScreen(Console()) as screen:
        asyncio.run(watch(target, screen))


async def print_json(target: StreamTarget) -> None:
    """Prints what the stream sends as lines of JSON until it is cancelled.

    Raises:
        WatchError: the exporter refuses.
    """
    origins = Origins()
    async for received in follow(target):
        for line in json_lines(received, origins):
            print(line, flush=True)


async def watch(target: StreamTarget, screen: Screen) -> None:
    """Shows what the stream sends until it is cancelled.

    Raises:
        WatchError: the exporter refuses.
    """
    origins = Origins()
    async for received in follow(target):
        if isinstance(received, Lost):
            text = f"stream   {received.reason}; retrying in {received.retry_seconds:.1f} s"
            screen.line(datetime.now(UTC), Line(text, "yellow"))
            continue
        metrics = received.metrics
        news = lines(received, origins)
        if isinstance(metrics, Progress):
            screen.progress(received.timestamp, origins.named(metrics))
        elif isinstance(metrics, Hello):
            text = f"stream   connected to benchmark-exporter {metrics.version}"
            screen.line(received.timestamp, Line(text, "green"))
            if metrics.snapshot is not None:
                screen.running([*map(origins.named, metrics.snapshot.running)])
        for line in news:
            screen.line(received.timestamp, line)
