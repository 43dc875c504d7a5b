"""How options are declared: the rule that gives each its variables, and options several share."""

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any, TypeVar

import click
from click.core import ParameterSource

from benchmark_exporter.commands import EXIT_UNUSABLE, values
from benchmark_exporter.commands.output import show
from benchmark_exporter.wording import printable

PREFIX = "BENCHMARK_EXPORTER"
WIDTH = 100
COMMAND_SETTINGS = {"show_default": True, "max_content_width": WIDTH}
# Of a command that ends in the words of another one, whose options are not its own.
WORDS_SETTINGS = {**COMMAND_SETTINGS, "allow_interspersed_args": False}
WORDS_METAVAR = "[OPTIONS] [--]"
# The ledger of commands that only read, where no stack is found.
DEFAULT_LEDGER = Path("ledger.sqlite3")
READER_STATUS = "It exits 0, also if there is nothing to show; 2 if the ledger cannot be read."

F = TypeVar("F", bound=Callable[..., Any])


class Unusable(click.ClickException):
    """The command cannot do what was asked; the message says why and what to do. Exit status 2."""

    exit_code = EXIT_UNUSABLE

    def show(self, file: IO[Any] | None = None) -> None:
        """Prints the reason on standard error."""
        print(f"benchmark-exporter: {_shown(self.format_message())}", file=file or sys.stderr)


def _shown(message: str) -> str:
    """A message, of which click's own may have several lines."""
    return "\n".join(map(printable, message.split("\n")))


class Option(click.Option):
    """An option that a variable can set.

    `--log-format` of `serve` reads BENCHMARK_EXPORTER_SERVE_LOG_FORMAT, else
    BENCHMARK_EXPORTER_LOG_FORMAT. An option that means something else in another command (`--url`
    of `push` and of `backfill`), or chooses what is deleted, is not `shared`: it reads the longer
    name alone, which its help shows. An empty variable counts as unset.
    """

    def __init__(self, *arguments: Any, shared: bool = True, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.shared = shared

    def variables(self, ctx: click.Context) -> Sequence[str]:
        """The names of the variables that set this option of a command, the first one wins."""
        name = max(self.opts, key=len).removeprefix("--").replace("-", "_").upper()
        own = f"{ctx.auto_envvar_prefix}_{name}"
        return [own, f"{PREFIX}_{name}"] if self.shared else [own]

    def resolve_envvar_value(self, ctx: click.Context) -> str | None:
        """The value of the first variable that is set."""
        texts = (os.environ.get(name) for name in self.variables(ctx))
        return next((text for text in texts if text), None)

    def get_error_hint(self, ctx: click.Context | None) -> str:
        """How errors name this option: by its variable, if that is where the value is from."""
        if ctx is None or ctx.get_parameter_source(self.name) is not ParameterSource.ENVIRONMENT:
            return super().get_error_hint(ctx)
        return next(name for name in self.variables(ctx) if os.environ.get(name))

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """The option's line in the help, with its variable where that is not the usual one."""
        if self.hidden:
            return None
        extra = self.get_help_extra(ctx)
        notes = [extra["required"]] if "required" in extra else []
        if "default" in extra:
            # click puts descriptions in parentheses.
            notes.append(f"default: {extra['default'].removeprefix('(').removesuffix(')')}")
        if not self.shared:
            notes.append(f"variable: {self.variables(ctx)[0]}")
        text = self.help or ""
        return self.get_help_spec(ctx), f"{text}  [{'; '.join(notes)}]" if notes else text


class Command(click.Command):
    """A command whose options are all `Option`s, `--help` alone being no setting."""

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        """`--help`, which no variable turns on."""
        option = super().get_help_option(ctx)
        if option is not None:
            option.allow_from_autoenv = False
            option.help = "Show this help."
        return option


class Group(Command, click.Group):
    """A command with commands of its own."""

    command_class = Command


def option(*names: str, shared: bool = True, **settings: Any) -> Callable[[F], F]:
    """Declares an option that its variables can set, see `Option`. Settings are click's."""
    return click.option(*names, cls=Option, shared=shared, **settings)


def only(name: str, metavar: str, what: str) -> Callable[[F], F]:
    """An option that selects some of all; each command selects something else by its name."""
    return option(name, metavar=metavar, shared=False, help=f"Only {what}.")


def folder_option(name: str, **settings: Any) -> Callable[[F], F]:
    """An option that takes the path of a folder, which need not exist."""
    return option(name, type=values.PATH, metavar="FOLDER", **settings)


def file_option(name: str, **settings: Any) -> Callable[[F], F]:
    """An option that takes the path of a file, which need not exist."""
    return option(name, type=values.PATH, metavar="FILE", **settings)


def files_argument(*, required: bool = True) -> Callable[[F], F]:
    """Files, one or more, or any number where none is required."""
    return click.argument(
        "files",
        nargs=-1,
        required=required,
        type=values.PATH,
        metavar="FILE..." if required else "[FILE]...",
    )


def combined(*options: Callable[[F], F]) -> Callable[[F], F]:
    """Several options as one decorator, in the order in which the help shows them."""

    def decorate(function: F) -> F:
        for each in reversed(options):
            function = each(function)
        return function

    return decorate


def stack_option(function: F) -> F:
    """Which stack to take addresses and the ledger from, in place of the one found."""
    return option(
        "--stack",
        type=values.PATH,
        metavar="FILE|FOLDER",
        help="Stack to use: its checkout, or the file stack.json that `make up` writes there.",
        show_default="found from the working directory upwards",
    )(function)


def config_options(function: F) -> F:
    """config.yaml, and the environment that overrides the one in it."""
    return combined(
        file_option("--config", help="Settings.", show_default="the packaged config.yaml"),
        option(
            "--environment",
            metavar="NAME",
            help="Environment of results that state none.",
            show_default="config.yaml's",
        ),
    )(function)


def metrics_option(function: F) -> F:
    """The list of metrics."""
    return file_option(
        "--metrics", help="List of metrics.", show_default="the packaged metrics.yaml"
    )(function)


def _ledger_options(default: str, note: str = "") -> Callable[[F], F]:
    return combined(
        file_option(
            "--ledger",
            help=f"Database of the exporter: the file that `serve` was given.{note}",
            show_default=default,
        ),
        stack_option,
    )


def read_ledger_options(function: F) -> F:
    """The ledger that a command only reads."""
    return _ledger_options(f"the stack's, else {DEFAULT_LEDGER}")(function)


def written_ledger_options(function: F) -> F:
    """The ledger that a command changes: it has no default but the stack's."""
    note = " Run this as the user that `serve` runs as."
    return _ledger_options("the stack's", note)(function)


def time_options(function: F) -> F:
    """The time in which runs were made, as `since` and `until` in seconds since 1970."""
    return combined(
        option(
            "--since",
            type=values.MOMENT,
            metavar="TIME",
            help="Only runs made at this time or later: 2026-11-01, 2026-11-01T12:00+09:00, or 7d "
            "(7 days ago; also m, h and w).",
        ),
        option(
            "--until",
            type=values.MOMENT,
            metavar="TIME",
            help="Only runs made before this time.",
        ),
    )(function)


def scope_options(function: F) -> F:
    """Where runs belong, as `project`, `environment` and `machine_class`."""
    return combined(
        only("--project", "NAME", "runs of this project"),
        only("--environment", "NAME", "runs made there"),
        only("--machine-class", "GLOB", "runs made on machines of such a class, like '*2 cpus'"),
    )(function)


def exporter_options(url_default: str | None) -> Callable[[F], F]:
    """The exporter that documents are sent to; `url_default` is for the help."""
    return combined(
        option(
            "--url",
            type=values.URL,
            metavar="URL",
            help="Address of the exporter to send to.",
            show_default=url_default or False,
        ),
        file_option(
            "--token-file",
            help="File whose first token is sent.",
            show_default=f"the token in {PREFIX}_TOKEN",
        ),
        option(
            "--timeout",
            type=values.TIMEOUT,
            default=60.0,
            show_default="60",
            metavar="SECONDS",
            help="Give up on a file after this time, retries included.",
        ),
    )


def is_on_command_line(name: str) -> bool:
    """Whether a parameter of the running command was given on the command line."""
    source = click.get_current_context().get_parameter_source(name)
    return source is ParameterSource.COMMANDLINE


def announce(text: str) -> None:
    """Says on standard error where a command is about to write."""
    show(f"benchmark-exporter: {text}", file=sys.stderr)
