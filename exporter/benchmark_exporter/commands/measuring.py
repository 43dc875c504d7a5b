"""What commands that measure versions share: options, progress of the rounds, an orderly end."""

import math
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn, Self, TypeVar

import click
import msgspec

from benchmark_exporter.atomic_write import write_file
from benchmark_exporter.commands import values
from benchmark_exporter.commands.options import Unusable, combined, option
from benchmark_exporter.commands.output import show_all
from benchmark_exporter.commands.progress import Progress
from benchmark_exporter.compare.rounds import Plan

EXIT_TERMINATED = 128 + signal.SIGTERM

# In bisect, for the change between good and bad, of which half is then looked for.
DEFAULT_DETECT_RATIO = 0.02

FORMS = ("table", "markdown", "json")

_NOISE_ROUNDS, _COUNT = click.IntRange(2), click.IntRange(0)

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")


def detect_option(**settings: Any) -> Callable[[F], F]:
    """A change, with its help and default."""
    return option("--detect", type=values.RATIO, metavar="SHARE", **settings)


def seed_option(function: F) -> F:
    """The beginning of pseudo-random numbers."""
    return option("--seed", type=_COUNT, default=1, help="Where the resampling begins.")(function)


class OutputFile(msgspec.Struct, frozen=True):
    """A file that the output is written to; `form` is None for that of `--format`."""

    path: Path
    form: str | None = None


def _output_file(text: str) -> OutputFile:
    """The file of `FILE` or `json=FILE`; what does not begin with a form is a file's whole name.

    Raises:
        ValueError: there is no file's name.
    """
    form, separator, path = text.partition("=")
    found = OutputFile(Path(path), form) if separator and form in FORMS else OutputFile(Path(text))
    if not (path if found.form else text):
        raise ValueError(f"{text!r} names no file")
    return found


OUTPUT_FILE = values.Parsed("file", _output_file)


class Reporting(msgspec.Struct, frozen=True):
    """Which form the output has, and files for it."""

    form: str
    output: Sequence[OutputFile]

    def show(
        self,
        renderers: Mapping[str, Callable[[T], str]],
        subject: T,
        refusal: type[Unusable] = Unusable,
    ) -> None:
        """Prints a report, and writes it to files, each in its own form.

        Raises:
            Unusable: a file cannot be written; the others are, and the report is printed. It is of
                the type `refusal`, which has the exit status.
        """
        failed = None
        for file in self.output:
            text = renderers[file.form or self.form](subject)
            try:
                write_file(file.path, f"{text}\n".encode())
            except OSError as error:
                failed = failed or refusal(f"{file.path}: {error.strerror}")
        show_all(renderers[self.form](subject).split("\n"))
        if failed is not None:
            raise failed


def report_options(function: Callable[..., int]) -> Callable[..., int]:
    """How the output is written, as `reporting`."""

    @wraps(function)
    def command(form: str, output: tuple[OutputFile, ...], **others: Any) -> int:
        return function(reporting=Reporting(form, output), **others)

    return combined(
        option(
            "--format",
            "form",
            type=click.Choice(FORMS),
            default="table",
            shared=False,
            help="Format of the output.",
        ),
        option(
            "--output",
            type=OUTPUT_FILE,
            multiple=True,
            metavar="[FORMAT=]FILE",
            help="File to write the output to as well, in this format: json=FILE. May be repeated.",
            show_default="none; the format of --format",
        ),
    )(command)


class Measuring(msgspec.Struct, frozen=True):
    """What the options of `measuring_options` say; `detect` is None where that has no default."""

    words: tuple[str, ...]
    prepare: str | None
    detect: float | None
    max_time: float
    noise_rounds: int
    warmups: int
    seed: int

    def plan(self, selected: tuple[str, ...] = ()) -> Plan:
        """How the rounds are made; `selected` are the results that decide, all without any."""
        detect = DEFAULT_DETECT_RATIO if self.detect is None else self.detect
        return Plan(detect, self.max_time, self.noise_rounds, self.warmups, self.seed, selected)


def measuring_options(
    max_time_help: str, words: str, **detect: Any
) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """The command that is measured, and how much of it is, as `measuring`; and `report_options`.

    `words` is how the usage names the command, `detect` are the settings of that option.
    """

    def decorate(function: Callable[..., int]) -> Callable[..., int]:
        @wraps(function)
        def command(**given: Any) -> int:
            own = {name: given.pop(name) for name in Measuring.__struct_fields__}
            return function(measuring=Measuring(**own), **given)

        return combined(
            option(
                "--prepare",
                metavar="WORDS",
                help="Shell command that builds each version, run once.",
            ),
            detect_option(**detect),
            option(
                "--max-time", type=values.SPAN, default="10m", metavar="TIME", help=max_time_help
            ),
            option("--noise-rounds", type=_NOISE_ROUNDS, default=5, help="Rounds of the A/A run."),
            option("--warmups", type=_COUNT, default=1, help="Uncounted runs of each side first."),
            seed_option,
            report_options,
            click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar=words),
        )(command)

    return decorate


@contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """Lets SIGTERM end what was started and remove what was checked out."""

    def end(_number: int, _frame: FrameType | None) -> NoReturn:
        raise SystemExit(EXIT_TERMINATED)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class RoundProgress:
    """The progress of each phase, one after the other, on standard error.

    All of them end after `most_seconds`, however many rounds are planned.
    """

    def __init__(self, most_seconds: float = math.inf) -> None:
        self._ends = time.monotonic() + most_seconds
        self._phase: tuple[str, int] | None = None
        self._progress: Progress | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *problem: object) -> None:
        if self._progress is not None:
            self._progress.__exit__(*problem)

    def report(self, what: str, done: int, planned: int) -> None:
        """Notes how many of the planned warm-ups or rounds are done."""
        if (what, planned) != self._phase:
            self.__exit__()
            self._phase = what, planned
            self._progress = Progress(planned, what, sys.stderr, begun=done, ends=self._ends)
        if self._progress is not None:
            self._progress.report(done)
