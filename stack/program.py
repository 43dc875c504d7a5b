"""The commands of the Makefile, by their words."""

import argparse
import errno
import os
import signal
import sys
from collections.abc import Callable

from stack import (
    commands,
    demo,
    exporter_commands,
    long_term_fill,
    notify_test,
    parts,
    proxy_users,
    systemd,
    upgrade_check,
)
from stack.backup import make as backup
from stack.backup import restore
from stack.compose import ComposeStack
from stack.prepare import prepare
from stack.readiness import is_ready
from stack.settings import ALERTMANAGER, EXPORTER, PROMETHEUS, Settings, StackError, load
from stack.started import as_started

Command = Callable[[Settings, argparse.Namespace], None]
# Of the parts that are chosen; the others are about those that run.
STARTS = ("up", "upgrade-check")
FULL = (errno.ENOSPC, errno.EDQUOT)


def run() -> int:
    """Run the command that the arguments name.

    1 when it fails, with the reason and how to fix it on standard error.
    """
    options = _parser().parse_args()
    try:
        try:
            settings = load()
            options.command(settings if options.starts else as_started(settings), options)
        finally:
            sys.stdout.flush()
    except StackError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # `make status | head`: whoever reads has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except OSError as error:  # a full disk, say
        fix = "; make room and run it again" if error.errno in FULL else ""
        where = error.filename or "this machine"
        print(f"\n{where}: {error.strerror or error}{fix}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make", description="Starts, stops and shows the stack.")
    parser.set_defaults(starts=False)
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    plain: dict[str, Command] = {
        "up": lambda settings, _: restore.up(settings),
        "down": lambda settings, _: commands.down(settings),
        "status": lambda settings, _: commands.status(settings),
        "reload": lambda settings, _: commands.reload(settings),
        "check": lambda settings, _: commands.check(settings),
        "prepare": lambda settings, _: commands.say(prepare(settings)),
        "demo": _demo,
        "demo-clean": _demo_clean,
        "upgrade-check": lambda settings, _: upgrade_check.run(
            settings, commands.current(settings)
        ),
        "restore-clean": lambda settings, _: restore.forget(settings),
        "notify-test": lambda settings, _: notify_test.run(settings, commands.current(settings)),
    }
    for name, command in plain.items():
        subparsers.add_parser(name).set_defaults(command=command, starts=name in STARTS)
    fill = subparsers.add_parser("long-term-fill")
    fill.add_argument("--since", default="")
    fill.set_defaults(
        command=lambda settings, options: commands.say(long_term_fill.fill(settings, options.since))
    )
    proxy_user = subparsers.add_parser("proxy-user")
    proxy_user.add_argument("name", nargs="?", default="")
    proxy_user.set_defaults(command=_proxy_user)
    logs = subparsers.add_parser("logs")
    logs.add_argument("part", nargs="?")
    logs.add_argument("--no-follow", dest="follow", action="store_false")
    logs.set_defaults(command=_logs)
    clean = subparsers.add_parser("clean")
    clean.add_argument("--yes", action="store_true")
    clean.set_defaults(command=lambda settings, options: commands.clean(settings, yes=options.yes))
    _add_backup(subparsers)
    exporter = subparsers.add_parser("exporter")
    exporter.add_argument("words", nargs=argparse.REMAINDER)
    exporter.set_defaults(command=lambda settings, options: _exporter(settings, options.words))
    units = subparsers.add_parser("systemd")
    units.add_argument("--install", action="store_true")
    units.add_argument("--name", default=systemd.UNIT)
    units.set_defaults(command=_systemd)
    compose = subparsers.add_parser("compose")
    compose.add_argument("words", nargs=argparse.REMAINDER)
    compose.set_defaults(command=_compose)
    return parser


def _add_backup(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    make = subparsers.add_parser("backup")
    make.add_argument("--to", default="")
    make.add_argument("--keep", type=int, default=0)
    make.add_argument("--secrets", action="store_true")
    make.set_defaults(command=_backup)
    back = subparsers.add_parser("restore")
    back.add_argument("--from", dest="source", default="")
    back.add_argument("--yes", action="store_true")
    back.add_argument("--without", default="")
    back.set_defaults(command=_restore)


def _backup(settings: Settings, options: argparse.Namespace) -> None:
    if options.keep < 0:
        raise StackError(f"KEEP must be a number of backups, not {options.keep}")
    backup.backup(settings, options.to, options.keep, secrets=options.secrets)


def _restore(settings: Settings, options: argparse.Namespace) -> None:
    without = options.without.split()
    restore.restore(settings, options.source, yes=options.yes, without=without)


def _compose(settings: Settings, options: argparse.Namespace) -> None:
    if status := ComposeStack(settings).run(options.words):
        sys.exit(status)


def _proxy_user(settings: Settings, options: argparse.Namespace) -> None:
    print(f"{proxy_users.add(settings, options.name)}; `make reload` applies it")


def _systemd(settings: Settings, options: argparse.Namespace) -> None:
    where = systemd.place()
    files = systemd.units(settings, commands.current(settings).mode, where, options.name)
    if options.install:
        commands.say(systemd.install(settings, where, files))
    else:
        print("\n".join(systemd.show(files)))
        print("# To install: make systemd INSTALL=yes")


def _logs(settings: Settings, options: argparse.Namespace) -> None:
    commands.logs(settings, options.part, follow=options.follow)


def _demo(settings: Settings, _: argparse.Namespace) -> None:
    parts.require(settings, "make demo", "Prometheus and Alertmanager")
    if not all(is_ready(part, settings) for part in (EXPORTER, PROMETHEUS, ALERTMANAGER)):
        raise StackError("the stack is not up; start it with: make up")
    if not demo.run(settings, commands.current(settings)):
        raise StackError("not everything arrived; `make status` and `make logs` say what is wrong")


def _demo_clean(settings: Settings, _: argparse.Namespace) -> None:
    if not is_ready(EXPORTER, settings):
        raise StackError(
            "the exporter, whose ledger has the demo's runs, is not up; start it with: make up"
        )
    print(demo.clean(settings, commands.current(settings)))
    retention = settings["PROMETHEUS_RETENTION_TIME"]
    print(f"its alerts end within five minutes; what it left in Prometheus goes after {retention}")


def _exporter(settings: Settings, words: list[str]) -> None:
    if status := exporter_commands.run(settings, words):
        sys.exit(status)
