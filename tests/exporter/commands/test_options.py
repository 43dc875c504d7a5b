"""Every option of every command can be set by its variables, and a wrong value is refused."""

from collections.abc import Iterator

import click
import pytest

from benchmark_exporter.__main__ import main
from benchmark_exporter.commands import EXIT_UNUSABLE, values
from benchmark_exporter.commands.measuring import OUTPUT_FILE
from benchmark_exporter.commands.options import PREFIX, WIDTH, Option
from benchmark_exporter.commands.program import COMMANDS, program
from benchmark_exporter.commands.serve import WEEKLY

# What a command cannot be parsed without.
REQUIRED = {
    "baseline set": ["--version=v1"],
    "comment": ["--from=-"],
    "bisect": ["--good=v1", "--bad=v2"],
}
# For each type of values: one that is allowed, one that is not, and what is allowed, as errors
# say it. None: every text is allowed.
VALUES: dict[object, tuple[str, str | None, str]] = {
    click.STRING: ("text", None, ""),
    values.PATH: ("/folder/file", None, ""),
    values.ADDRESS: ("127.0.0.1:9", "nonsense", "HOST:PORT"),
    values.ADDRESS_OR_OFF: ("off", "nonsense", "HOST:PORT"),
    values.URL: ("https://host:9", "nonsense", "http://"),
    values.URLS: ("https://host:9,http://other:9", "nonsense", "http://"),
    values.PROMETHEUS_URL: ("https://host:9", "nonsense", "http://"),
    values.STREAM_URL: ("wss://host:9", "http://host:9", "ws://"),
    values.MOMENT: ("2026-11-01", "yesterday", "7d, 12h, 2026-11-01"),
    values.FUTURE: ("2999-11-01", "yesterday", "14d, 12h or 2026-12-01"),
    values.TIMEOUT: ("5", "0", "seconds above 0"),
    values.SPAN: ("5m", "5", "90s, 10m or 2h"),
    WEEKLY: ("mon 09:00", "monday", "a day and a time like mon 09:00"),
    values.RATIO: ("5%", "5", "a share like 2%"),
    values.DURATION: ("5.5", "soon", "number of seconds"),
    OUTPUT_FILE: ("json=a.json", "json=", "names no file"),
}


def subcommands(
    command: click.Command, ctx: click.Context
) -> Iterator[tuple[click.Command, click.Context]]:
    """The commands that do something, with their contexts."""
    if not isinstance(command, click.Group):
        yield command, ctx
        return
    for name in command.list_commands(ctx):
        child = command.get_command(ctx, name)
        assert child is not None
        yield from subcommands(child, click.Context(child, ctx, name))


PROGRAM = click.Context(program, info_name="benchmark-exporter", **program.context_settings)
FOUND = [
    (command, ctx, option)
    for command, ctx in subcommands(program, PROGRAM)
    for option in command.params
    if isinstance(option, click.Option)
]
IDS = [f"{ctx.command_path.partition(' ')[2]} {option.opts[0]}" for _, ctx, option in FOUND]


def examples(option: click.Option) -> tuple[str, str | None, str]:
    if isinstance(option.type, click.Choice):
        *_, last = option.type.choices
        return str(last), "none-of-these", ", ".join(repr(each) for each in option.type.choices)
    if isinstance(option.type, click.IntRange):
        least = option.type.min
        assert least is not None
        return "7", str(least - 1), f"x>={least}"
    if option.is_flag:
        return "1", "maybe", "0, 1, f, false, n, no, off, on, t, true, y, yes"
    if option.name == "status":
        return "success", "green", "known are aborted, "
    return VALUES[option.type]


def path_of(ctx: click.Context) -> str:
    """The command without the program: `baseline set`."""
    return ctx.command_path.partition(" ")[2]


def words_of(command: click.Command, path: str) -> list[str]:
    """The least words that a command can be called with."""
    arguments = [each for each in command.params if isinstance(each, click.Argument)]
    return [*REQUIRED.get(path, []), *map(example_of, arguments)]


def example_of(argument: click.Argument) -> str:
    return str(argument.type.choices[0]) if isinstance(argument.type, click.Choice) else "x"


def parsed(command: click.Command, ctx: click.Context, words: list[str]) -> click.Context:
    assert ctx.parent is not None
    assert ctx.info_name is not None
    least = words_of(command, path_of(ctx))
    return command.make_context(ctx.info_name, [*words, *least], parent=ctx.parent)


def test_every_command_has_its_options_tested() -> None:
    assert {path.split()[0] for path in IDS} == set(COMMANDS)
    assert len(FOUND) > 100


@pytest.mark.parametrize(("command", "ctx", "option"), FOUND, ids=IDS)
def test_its_variables_set_an_option(
    monkeypatch: pytest.MonkeyPatch,
    command: click.Command,
    ctx: click.Context,
    option: click.Option,
) -> None:
    assert isinstance(option, Option)
    words = REQUIRED.get(path_of(ctx), [])
    if option.required:
        others = [each for each in words if not each.startswith(f"{option.opts[0]}=")]
        monkeypatch.setitem(REQUIRED, path_of(ctx), others)
    right, wrong, allowed = examples(option)
    flag = option.opts[0] if option.is_flag else f"{option.opts[0]}={right}"
    name = option.name
    expected = parsed(command, ctx, [flag]).params[name]
    assert expected != option.get_default(ctx)
    for variable in option.variables(ctx):
        with monkeypatch.context() as environment:
            environment.setenv(variable, right)
            assert parsed(command, ctx, []).params[name] == expected
            if wrong is None:
                continue
            environment.setenv(variable, wrong)
            with pytest.raises(click.BadParameter) as refused:
                parsed(command, ctx, [])
            message = refused.value.format_message()
            assert message.startswith(f"Invalid value for {variable}: ")
            assert wrong in message
            assert allowed in message
            # The option wins, so a wrong variable does not matter.
            assert parsed(command, ctx, [flag]).params[name] == expected


def test_the_names_follow_one_rule() -> None:
    for _, ctx, option in FOUND:
        assert isinstance(option, Option)
        words = [*ctx.command_path.split()[1:], option.opts[0].removeprefix("--")]
        own = "_".join((PREFIX, *words)).replace("-", "_").upper()
        shared = "_".join((PREFIX, words[-1])).replace("-", "_").upper()
        assert list(option.variables(ctx)) == ([own, shared] if option.shared else [own])


def test_a_shared_variable_means_the_same_in_every_command() -> None:
    kinds: dict[str, set[object]] = {}
    owned: list[str] = []
    for _, ctx, option in FOUND:
        assert isinstance(option, Option)
        own, *shared = option.variables(ctx)
        owned.append(own)
        for variable in shared:
            kinds.setdefault(variable, set()).add((option.type, option.metavar, option.multiple))
    assert not {variable: each for variable, each in kinds.items() if len(each) > 1}
    assert len(owned) == len(set(owned))
    assert not set(owned) & set(kinds)


@pytest.mark.parametrize("variable", ["BENCHMARK_EXPORTER_PROJECT", "BENCHMARK_EXPORTER_PIPELINE"])
def test_what_is_set_for_reports_does_not_choose_what_is_deleted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], variable: str
) -> None:
    monkeypatch.setenv(variable, "router")
    assert main(["delete", "--ledger=x"]) == EXIT_UNUSABLE
    assert "name what to delete" in capsys.readouterr().err


def test_the_own_variable_wins_over_the_shared_one_and_an_empty_one_counts_as_unset(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BENCHMARK_EXPORTER_LISTEN", "shared")
    monkeypatch.setenv("BENCHMARK_EXPORTER_HEALTHCHECK_LISTEN", "own")
    assert main(["healthcheck"]) == EXIT_UNUSABLE
    assert "BENCHMARK_EXPORTER_HEALTHCHECK_LISTEN: 'own' is not HOST" in capsys.readouterr().err
    monkeypatch.setenv("BENCHMARK_EXPORTER_HEALTHCHECK_LISTEN", "")
    assert main(["healthcheck"]) == EXIT_UNUSABLE
    assert "BENCHMARK_EXPORTER_LISTEN: 'shared' is not HOST" in capsys.readouterr().err


def test_a_wrong_log_format_is_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BENCHMARK_EXPORTER_LOG_FORMAT", "yaml")
    assert main(["serve"]) == EXIT_UNUSABLE
    assert (
        "Invalid value for BENCHMARK_EXPORTER_LOG_FORMAT: 'yaml' is not one of 'logfmt', 'json'."
        in capsys.readouterr().err
    )


@pytest.mark.parametrize("name", ["VERSION", "HELP", "RUN_HELP", "BASELINE_HELP"])
def test_version_and_help_are_no_settings(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    monkeypatch.setenv(f"{PREFIX}_{name}", "v1.2")
    assert main(["healthcheck", "--listen=127.0.0.1:1"]) == 1
    assert "no answer on port 1" in capsys.readouterr().err
    assert main(["run"]) == EXIT_UNUSABLE
    assert main(["baseline"]) == EXIT_UNUSABLE


@pytest.mark.parametrize(
    "words",
    [[], *([name] for name in COMMANDS), *(["baseline", each] for each in ("set", "list"))],
    ids=" ".join,
)
def test_help_fits_into_100_columns(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert main([*words, "--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"Usage: {' '.join(('benchmark-exporter', *words))} ")
    assert max(map(len, lines)) <= WIDTH
