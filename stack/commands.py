"""What the Makefile's commands do to the stack: start, stop, show, reload, clean."""

import sys
import time
import urllib.error
from collections.abc import Iterable, Iterator

from stack import addresses, exporter_alone, high_availability, internal, parts, preflight, record
from stack.addresses import LIVE_PAGE
from stack.compose import ComposeStack, engine_answers
from stack.exporter_settings import await_exporter_settings
from stack.local import LocalStack
from stack.prepare import prepare
from stack.readiness import is_ready, wait_until_connected, wait_until_ready
from stack.refusal import reason as refusal
from stack.settings import (
    ALERTMANAGER,
    EXPORTER,
    PROMETHEUS,
    PROXY,
    STATE,
    STREAM,
    UNPUBLISHED,
    Settings,
    StackError,
)

Stack = ComposeStack | LocalStack
# The proxy looks for a changed configuration each second.
PROXY_SECONDS = 15.0


def current(settings: Settings) -> Stack:
    """The stack that was started here, else the one that `up` would start.

    That is the one MODE names, else containers where an engine answers, else processes.
    """
    mode = _started_mode(settings) or settings["MODE"]
    mode = mode or ("compose" if engine_answers() else "local")
    return ComposeStack(settings) if mode == "compose" else LocalStack(settings)


def up(settings: Settings) -> None:
    """Start the stack, wait until it is ready, and say where everything is.

    Raises:
        StackError: it cannot be started, or a part does not become ready.
    """
    start(fetched(settings), settings)


def start(stack: Stack, settings: Settings) -> None:
    """Start a stack that has all it needs, wait until it is ready, and say where everything is.

    Raises:
        StackError: it cannot be started, or a part does not become ready.
    """
    started = time.monotonic()
    print("starting the stack as", "containers" if stack.mode == "compose" else "processes")
    record.write(settings, stack.placement())
    say(stack.up())
    missing = list(stack.parts())
    for part in wait_until_ready(stack.parts(), settings):
        missing.remove(part)
        print(f"  {part.name} is ready ({time.monotonic() - started:.1f} s)")
    if missing:
        for part in missing:
            print(f"\n{part.name} is not ready:", file=sys.stderr)
            print("\n".join(f"  {line}" for line in stack.last_words(part)), file=sys.stderr)
        raise StackError("`make logs` shows more, `make down` stops what runs")
    say(_read_again(stack, settings))  # those that ran before have not seen what changed since
    say(exporter_alone.notices(settings))
    if not parts.is_exporter_alone(settings):
        _await_connection(settings)
        elapsed = time.monotonic() - started
        print(
            f"  prometheus scrapes the exporter and sends alerts to Alertmanager ({elapsed:.1f} s)"
        )
    print()
    print(*addresses.lines(settings, stack.parts(), stack.certificate_authority()), sep="\n")


def fetched(settings: Settings) -> Stack:
    """Give the stack that is to start, with all it needs checked and fetched.

    Raises:
        StackError: something is missing, or a stack in another mode runs.
    """
    running = _started_mode(settings)
    stack = current(settings)
    if running and settings["MODE"] not in ("", running):
        raise StackError(
            f"the stack runs in mode {running}; `make down` first, then start it in mode "
            f"{settings['MODE']}"
        )
    if isinstance(stack, ComposeStack) and not engine_answers():
        raise StackError(
            "MODE=compose needs a Docker engine with the compose plugin, and none answers; "
            "start it, or use MODE=local"
        )
    _check_machine(stack, settings)
    say(prepare(settings))
    try:
        say(stack.fetch())
    except StackError as error:
        if stack.mode == "local" or settings["MODE"] or running:
            raise
        print(f"\n{error}\n\nThe stack starts as processes instead.\n")
        stack = LocalStack(settings)
        _check_machine(stack, settings)
        say(stack.fetch())
    return stack


def _check_machine(stack: Stack, settings: Settings) -> None:
    preflight.check_writable(settings)
    settings.state_dir.mkdir(exist_ok=True)
    if isinstance(stack, LocalStack):
        say(stack.end_orphans())  # which would be taken for others that have our ports
    own_ports = stack.own_ports()
    preflight.check(settings, stack.mode, stack.parts(), own_ports)
    internal.choose(settings, own_ports)


def down(settings: Settings) -> None:
    """Stop what runs of this checkout, in whatever mode it was started."""
    for stack in _stacks(settings):
        say(stack.down())
    record.remove(settings)
    print("stopped; what was collected is kept")


def status(settings: Settings) -> None:
    """Say what runs and what is ready.

    Raises:
        StackError: not everything is.
    """
    stack = current(settings)
    states = dict(stack.states())
    words = {}
    for part in stack.parts():
        state = states[part.name]
        words[part.name] = _word(state, is_ready=state != "stopped" and is_ready(part, settings))
        has_address = part not in (*UNPUBLISHED, *high_availability.ADDED)
        address = settings.public_url(part) if has_address else ""
        print(f"  {part.name:<14} {words[part.name]:<12} {address}".rstrip())
    live = _word(states["exporter"], is_ready=is_ready(STREAM, settings))
    print(f"  {LIVE_PAGE:<14} {live:<12} {settings.public_url(STREAM)}")
    words[LIVE_PAGE] = live
    if set(words.values()) == {"stopped"}:
        raise StackError("the stack is stopped; `make up` starts it")
    if "unsupervised" in words.values():
        raise StackError(
            f"the supervisor was killed, or {STATE} was removed while it ran, so what runs is "
            "out of reach; `make up` ends it and starts it again"
        )
    if set(words.values()) != {"ready"}:
        raise StackError("`make up` starts what is missing, `make logs` says why it is")


def _word(state: str, *, is_ready: bool) -> str:
    """What a state is called in `make status`."""
    if state == "running":
        return "ready" if is_ready else "NOT READY"
    return {"failed": "FAILED"}.get(state, state)


def logs(settings: Settings, part: str | None, *, follow: bool) -> None:
    """Show the logs.

    Raises:
        StackError: there are none.
    """
    current(settings).logs(part, follow=follow)


def reload(settings: Settings) -> None:
    """Apply changed settings, rules, routes and secrets.

    Raises:
        StackError: the stack is not up, or a server refuses its configuration.
    """
    say(prepare(settings))
    stack = current(settings)
    say(stack.render())
    say(f"{name} has changed; `make up` applies it" for name in record.waiting(settings))
    asked_seconds = time.time()
    say(_read_again(stack, settings))
    if not list(wait_until_ready([PROXY], settings, PROXY_SECONDS)):
        raise StackError("proxy keeps its old configuration; `make logs PART=proxy` says why")
    print("  proxy has read its configuration")
    await_exporter_settings(
        lambda: internal.get_json(EXPORTER, settings, "/api/v1/status"), asked_seconds
    )
    print("  exporter has read its settings")
    if parts.is_exporter_alone(settings):
        return
    # Debian 12's Prometheus (2.42) knows no Alertmanager for some seconds after that, and sends
    # a minute later what begins to fire meanwhile.
    _await_connection(settings)
    print("  prometheus scrapes the exporter and sends alerts to Alertmanager")


def check(settings: Settings) -> None:
    """Check the configuration with the programs' own tools.

    Raises:
        StackError: one of them finds a mistake.
    """
    settings.state_dir.mkdir(exist_ok=True)
    say(prepare(settings))
    say(LocalStack(settings).check())
    if engine_answers():
        say(ComposeStack(settings).check())
    else:
        print("docker-compose.yml is not checked: no Docker engine with the compose plugin answers")


def clean(settings: Settings, *, yes: bool) -> None:
    """Stop the stack and remove what either mode has stored, after asking.

    Raises:
        StackError: nobody agreed, or something cannot be removed.
    """
    compose = ComposeStack(settings)
    stacks: list[Stack] = [LocalStack(settings)]
    if engine_answers():
        stacks.append(compose)
    elif compose.is_claimed():
        raise StackError(
            "the stack ran as containers, and no Docker engine answers that could remove its "
            "volumes; start it and run this again"
        )
    stored = [line for stack in stacks for line in stack.stored()]
    if not yes:
        _ask(stored)
    for stack in stacks:
        say(stack.down())
        stack.clean()
    record.remove(settings)
    say(f"removed {line}" for line in stored)
    print("RESULTS_DIR and secrets are kept" if stored else "there was nothing to remove")


def _ask(stored: list[str]) -> None:
    what = "what Prometheus and the exporter have stored, uploaded results too"
    if not sys.stdin.isatty():
        raise StackError(f"this removes {what}; confirm it with: make clean YES=1")
    say(stored)
    if input(f"Remove {what}? RESULTS_DIR and secrets stay. [y/N] ").lower() != "y":
        raise StackError("nothing was removed")


def _stacks(settings: Settings) -> list[Stack]:
    """The stacks that may run here: the one that was started, and processes left in any case."""
    stacks: list[Stack] = [LocalStack(settings)]
    mode = _started_mode(settings) or settings["MODE"]
    if mode == "compose" or (not mode and engine_answers()):
        stacks.append(ComposeStack(settings))
    return stacks


def _started_mode(settings: Settings) -> str:
    """The mode that `up` started the stack in; empty after `down`."""
    return str(record.read(settings).get("mode", ""))


def _await_connection(settings: Settings) -> None:
    if not wait_until_connected(settings):
        targets = f"{settings.public_url(PROMETHEUS)}/targets"
        raise StackError(
            f"Prometheus does not reach the exporter or Alertmanager; {targets} says why"
        )


def _read_again(stack: Stack, settings: Settings) -> Iterator[str]:
    """Let the running servers read their configuration again."""
    servers = parts.chosen(settings, (ALERTMANAGER, PROMETHEUS))
    for part in (member for one in servers for member in high_availability.members(one, settings)):
        try:
            internal.request(part, settings, "/-/reload", method="POST")
        except urllib.error.HTTPError as error:
            answer = error.read().decode(errors="replace").strip()
            reason = refusal(answer, stack.newest_lines(part))
            raise StackError(f"{part.name} keeps its old configuration: {reason}") from error
        except OSError as error:
            raise StackError(
                f"{part.name} does not answer ({error}); `make up` starts the stack"
            ) from error
        yield f"{part.name} has read its configuration"


def say(lines: Iterable[str]) -> None:
    """Print each line when it comes, indented."""
    for line in lines:
        print(f"  {line}", flush=True)
