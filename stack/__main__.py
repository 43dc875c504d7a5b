"""`python -m stack COMMAND`: what the Makefile calls."""

import argparse
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from pathlib import Path

from stack import demo
from stack.compose import ComposeStack, engine_answers
from stack.local import LocalStack
from stack.prepare import GRAFANA_PASSWORD, prepare
from stack.readiness import is_ready, wait_until_connected, wait_until_ready
from stack.settings import (
    ALERTMANAGER,
    EXPORTER,
    GRAFANA,
    PROMETHEUS,
    SECRETS,
    STREAM,
    Settings,
    StackError,
    load,
)

Stack = ComposeStack | LocalStack
WHAT = {
    "exporter": "metrics, and a page with the newest runs and rejected files",
    "prometheus": "queries and rules",
    "alertmanager": "alerts and silences",
    "node_exporter": "the machine's own metrics",
    "grafana": "dashboards",
}


def main() -> int:
    """Run one command; 1 when it fails, with the reason and how to mend it on standard error."""
    parser = argparse.ArgumentParser(
        prog="make", description="Starts, stops and looks after the stack."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    plain = {
        "up": _up,
        "down": _down,
        "status": _status,
        "reload": _reload,
        "demo": _demo,
        "demo-clean": _demo_clean,
        "check": _check,
        "prepare": _prepare,
    }
    for name, command in plain.items():
        commands.add_parser(name).set_defaults(command=command)
    logs = commands.add_parser("logs")
    logs.add_argument("part", nargs="?")
    logs.add_argument("--no-follow", dest="follow", action="store_false")
    logs.set_defaults(command=_logs)
    clean = commands.add_parser("clean")
    clean.add_argument("--yes", action="store_true")
    clean.set_defaults(command=_clean)
    options = parser.parse_args()
    try:
        options.command(load(), options)
    except StackError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _stack(settings: Settings) -> Stack:
    """The stack that runs here, else the one that `up` would start: by MODE, else as containers where an engine answers."""
    mode = (
        settings["MODE"] or _running_mode(settings) or ("compose" if engine_answers() else "local")
    )
    return ComposeStack(settings) if mode == "compose" else LocalStack(settings)


def _mode_file(settings: Settings) -> Path:
    return settings.state_dir / "mode"


def _running_mode(settings: Settings) -> str:
    """The mode that `up` started the stack in; nothing after `down`."""
    return _mode_file(settings).read_text().strip() if _mode_file(settings).exists() else ""


def _up(settings: Settings, _: argparse.Namespace) -> None:
    started = time.monotonic()
    stack = _stack(settings)
    _say(prepare(settings))
    if isinstance(stack, ComposeStack):
        if not engine_answers():
            raise StackError(
                "MODE=compose, but no Docker engine with the compose plugin answers; start it, or use MODE=local"
            )
        try:
            _say(stack.fetch())
        except StackError as error:
            if settings["MODE"] or _running_mode(settings):
                raise
            print(f"\n{error}\n\nso it is not started as containers\n")
            stack = LocalStack(settings)
    mode = "compose" if isinstance(stack, ComposeStack) else "local"
    if (running := _running_mode(settings)) not in ("", mode):
        raise StackError(
            f"the stack runs in mode {running}; `make down` first, then start it in mode {mode}"
        )
    print("starting the stack as", "containers" if mode == "compose" else "processes of this user")
    _mode_file(settings).write_text(mode + "\n")
    _say(stack.up())
    missing = list(stack.parts())
    for part in wait_until_ready(stack.parts(), settings):
        missing.remove(part)
        print(f"  {part.name} is ready ({time.monotonic() - started:.1f} s)")
    if missing:
        words = "\n".join(
            f"{part.name} is not ready:\n"
            + "\n".join(f"  {line}" for line in stack.last_words(part))
            for part in missing
        )
        raise StackError(f"{words}\n`make logs` shows more, `make down` stops what runs")
    _say(_read_again(settings))  # those that ran before have not seen what changed since
    _await_connection(settings)
    print(
        f"  prometheus scrapes the exporter and sends alerts to Alertmanager ({time.monotonic() - started:.1f} s)"
    )
    _print_addresses(stack, settings)


def _print_addresses(stack: Stack, settings: Settings) -> None:
    print()
    for part in stack.parts():
        print(f"  {part.name:<14} {settings.public_url(part)}  {WHAT[part.name]}")
    print(f"  {'live page':<14} {settings.public_url(STREAM)}  what runs now, verdicts, alerts")
    if GRAFANA in stack.parts():
        print(f"  Grafana's user is admin, the password is in {SECRETS / GRAFANA_PASSWORD}")
    else:
        print(
            f"  grafana is not installed here: {settings.public_url(STREAM)} shows runs and trends"
        )
    results = settings["RESULTS_DIR"]
    print(f"\nCopy perf_suite's results into {results}, or see it work: make demo")


def _down(settings: Settings, _: argparse.Namespace) -> None:
    _say(_stack(settings).down())
    _mode_file(settings).unlink(missing_ok=True)
    print("stopped; what was collected is kept")


def _status(settings: Settings, _: argparse.Namespace) -> None:
    stack = _stack(settings)
    _say(stack.process_lines())
    states = {part: is_ready(part, settings) for part in stack.parts()}
    for part, ready in states.items():
        print(
            f"  {part.name:<14} {'ready' if ready else 'NOT READY':<10} {settings.public_url(part)}"
        )
    if not all(states.values()):
        raise StackError("`make up` starts what is missing, `make logs` says why it is")


def _logs(settings: Settings, options: argparse.Namespace) -> None:
    _stack(settings).logs(options.part, follow=options.follow)


def _reload(settings: Settings, _: argparse.Namespace) -> None:
    _say(prepare(settings))
    _say(_stack(settings).render())
    _say(_read_again(settings))
    # Debian 12's (2.42) knows no Alertmanager for some seconds after that, and sends a minute later what begins to fire meanwhile.
    _await_connection(settings)
    print("  prometheus scrapes the exporter and sends alerts to Alertmanager")


def _await_connection(settings: Settings) -> None:
    if not wait_until_connected(settings):
        raise StackError(
            f"Prometheus does not reach the exporter or Alertmanager; {settings.public_url(PROMETHEUS)}/targets says why"
        )


def _read_again(settings: Settings) -> Iterator[str]:
    """Let the running servers read their configuration again."""
    for part in (ALERTMANAGER, PROMETHEUS):
        request = urllib.request.Request(part.url(settings, "/-/reload"), method="POST")  # noqa: S310  # our own http address
        try:
            urllib.request.urlopen(request, timeout=10).close()  # noqa: S310
        except urllib.error.HTTPError as error:
            raise StackError(
                f"{part.name} keeps its old configuration: {error.read().decode(errors='replace').strip()}"
            ) from error
        except OSError as error:
            raise StackError(
                f"{part.name} does not answer ({error}); `make up` starts the stack"
            ) from error
        yield f"{part.name} has read its configuration"


def _check(settings: Settings, _: argparse.Namespace) -> None:
    _say(prepare(settings))
    _say(LocalStack(settings).check())
    if engine_answers():
        _say(ComposeStack(settings).check())
    else:
        print("docker-compose.yml is not checked: no Docker engine with the compose plugin answers")


def _prepare(settings: Settings, _: argparse.Namespace) -> None:
    _say(prepare(settings))


def _clean(settings: Settings, options: argparse.Namespace) -> None:
    stack = _stack(settings)
    if not options.yes:
        if not sys.stdin.isatty():
            raise StackError(
                "this removes what Prometheus and the exporter have kept, uploaded results too; say so with: make clean YES=1"
            )
        if (
            input(
                "Remove what Prometheus and the exporter have kept, uploaded results too? RESULTS_DIR and secrets stay. [y/N] "
            ).lower()
            != "y"
        ):
            raise StackError("nothing was removed")
    _say(stack.down())
    stack.clean()
    _mode_file(settings).unlink(missing_ok=True)
    print("removed; RESULTS_DIR and secrets are kept")


def _demo(settings: Settings, _: argparse.Namespace) -> None:
    if not all(is_ready(part, settings) for part in (EXPORTER, PROMETHEUS, ALERTMANAGER)):
        raise StackError("the stack is not up; start it with: make up")
    if not demo.run(settings, _stack(settings)):
        raise StackError("not everything arrived; `make status` and `make logs` say what is wrong")


def _demo_clean(settings: Settings, _: argparse.Namespace) -> None:
    if not is_ready(EXPORTER, settings):
        raise StackError(
            "the exporter, whose ledger has the demo's runs, is not up; start it with: make up"
        )
    print(demo.clean(settings, _stack(settings)))
    print(
        f"its alerts end within five minutes; what it left in Prometheus goes after {settings['PROMETHEUS_RETENTION_TIME']}"
    )


def _say(lines: Iterable[str] | Iterator[str]) -> None:
    for line in lines:
        print(f"  {line}", flush=True)


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    sys.exit(main())
