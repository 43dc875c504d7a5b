"""`benchmark-exporter healthcheck`: what a container's health check runs."""

import http.client
import sys

import click

from benchmark_exporter.commands import EXIT_OK, EXIT_REJECTED, values
from benchmark_exporter.commands.options import COMMAND_SETTINGS, Command, option
from benchmark_exporter.commands.output import show

TIMEOUT_SECONDS = 3.0
# An address that means every interface is reached by the loopback one.
EVERY_INTERFACE = frozenset({"", "0.0.0.0", "::"})  # noqa: S104  # recognised, not bound to


@click.command(cls=Command, context_settings=COMMAND_SETTINGS)
@option(
    "--listen",
    type=values.ADDRESS,
    default="127.0.0.1:8000",
    metavar="HOST:PORT",
    help="Address that `serve` was given.",
)
def command(listen: tuple[str, int]) -> int:
    """Exit 0 if the exporter on this machine is ready, else 1."""
    host, port = listen
    connection = http.client.HTTPConnection(
        "127.0.0.1" if host in EVERY_INTERFACE else host, port, timeout=TIMEOUT_SECONDS
    )
    try:
        connection.request("GET", "/-/ready")
        response = connection.getresponse()
        text = response.read().decode(errors="replace").strip()
    except OSError as error:
        show(f"no answer on port {port}: {error}", file=sys.stderr)
        return EXIT_REJECTED
    finally:
        connection.close()
    show(text)
    return EXIT_OK if response.status == http.HTTPStatus.OK else EXIT_REJECTED
