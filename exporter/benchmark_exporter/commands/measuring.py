"""What commands that measure versions share: options, progress of the rounds, an orderly end."""

import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
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

EXIT_TERMINATED = 128 + signal.SIGTERM

FORMS = ("table", "markdown", "json")

_NOISE_ROUNDS, _COUNT = click.IntRange(2), click.IntRange(0)

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")


def prepare_option(function: F) -> F:
    """What builds a version."""
    return option(
        "--prepare", metavar="WORDS", help="Shell command that builds each version, run once."
    )(function)


def detect_option(**settings: Any) -> Callable[[F], F]:
    """A change, with its help and default."""
    return option("--detect", type=values.RATIO, metavar="SHARE", **settings)


def rounds_options(max_time_help: str) -> Callable[[F], F]:
    """How much is measured; see `compare.rounds.Plan`."""
    return combined(
        option("--max-time", type=values.SPAN, default="10m", metavar="TIME", help=max_time_help),
        option("--noise-rounds", type=_NOISE_ROUNDS, default=5, help="Rounds of the A/A run."),
        option("--warmups", type=_COUNT, default=1, help="Uncounted runs of each side first."),
        seed_option,
    )


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


def report_options(function: F) -> F:
    """Which form the output has, as `form`, and files for it, as `output`."""
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
    )(function)


def show_report(
    renderers: Mapping[str, Callable[[T], str]],
    subject: T,
    form: str,
    output: Sequence[OutputFile],
    refusal: type[Unusable] = Unusable,
) -> None:
    """Prints a report in a form, and writes it to files, each in its own.

    Raises:
        Unusable: a file cannot be written; the others are, and the report is printed. It is of the
            type `refusal`, which has the exit status.
    """
    failed = None
    for file in output:
        text = renderers[file.form or form](subject)
        try:
            write_file(file.path, f"{text}\n".encode())
        except OSError as error:
            failed = failed or refusal(f"{file.path}: {error.strerror}")
    show_all(renderers[form](subject).split("\n"))
    if failed is not None:
        raise failed


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
    """The progress of each phase, one after the other, on standard error."""

    def __init__(self) -> None:
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
            self._progress = Progress(planned, what, sys.stderr, begun=done)
        if self._progress is not None:
            self._progress.report(done)
