"""The program that the commands belong to. It loads only the module of the command it runs."""

from difflib import get_close_matches
from importlib import import_module

import click

from benchmark_exporter.commands.options import COMMAND_SETTINGS, PREFIX, Group

# The module of each command, and its line in the help, which loads no module.
COMMANDS = {
    "serve": ("serve", "Watch a results folder and serve its metrics."),
    "check": ("check", "Show what a result file would be ingested as, or judge it in CI."),
    "push": ("push", "Send result files to an exporter on another machine."),
    "ci-status": ("ci_status", "Report the outcome of a CI pipeline's run."),
    "run": ("run", "Run any command and record its duration, CPU and memory."),
    "compare": ("compare", "Compare two versions by running them in turn on this machine."),
    "comment": ("comment", "Post what a pull or merge request changes as a comment on it."),
    "bisect": ("bisect", "Find the first commit that made a command slower."),
    "diff": ("diff", "Compare two runs, commits, branches, environments or baselines."),
    "watch": ("watch", "Follow runs, verdicts and alerts in the terminal."),
    "history": ("history", "List the runs in an exporter's ledger."),
    "digest": ("digest", "Show what a week made worse and better, and what is open."),
    "baseline": ("baseline", "Pin runs that later ones are judged against."),
    "triage": ("triage", "Say what becomes of regressions, such as who works on them."),
    "backfill": ("backfill", "Bring past runs into Prometheus with their own times."),
    "import": ("import_history", "Bring years of results into an exporter's ledger."),
    "delete": ("delete", "Delete runs, branches or projects from an exporter's ledger."),
    "rename": ("rename", "Rename a benchmark or a result in an exporter's ledger."),
    "healthcheck": ("healthcheck", "Exit 0 if the exporter on this machine is ready, else 1."),
}
# Earlier names of commands, which go on working.
ALIASES = {"forget": "delete"}
ABOUT = "Makes Prometheus metrics of the result files that benchmark tools write."
MORE_HELP = f"""\
Every option of a command can be set by a variable: --log-format of serve by
{PREFIX}_SERVE_LOG_FORMAT, or by {PREFIX}_LOG_FORMAT, which every command with that option reads.
Where an option's help names its variable, it reads that one alone. Options win over variables, and
both win over config.yaml.

The help of each command ends with its exit statuses. Where it does not say otherwise, wrong options
are 2 and Ctrl-C is 130.
"""


class Program(Group):
    """The commands by their names."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's interface
        """The commands in the order of the help."""
        return list(COMMANDS)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002  # click's interface
        cmd_name: str,
    ) -> click.Command | None:
        """Loads a command."""
        name = ALIASES.get(cmd_name, cmd_name)
        if name not in COMMANDS:
            return None
        module, _ = COMMANDS[name]
        command: click.Command = import_module(f"benchmark_exporter.commands.{module}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the first word names: an alias counts, for variables, as its command."""
        closest = get_close_matches(args[0], list(COMMANDS), 1)
        if closest and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            ctx.fail(f"No such command {args[0]!r}. Did you mean {closest[0]!r}?")
        name, command, rest = super().resolve_command(ctx, args)
        return ALIASES.get(name or "", name), command, rest

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002  # click's interface
        formatter: click.HelpFormatter,
    ) -> None:
        """Writes the commands with their lines, without loading them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


def _show_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        from benchmark_exporter import __version__

        print(f"benchmark-exporter {__version__}")
        ctx.exit()


program = Program(
    help=ABOUT,
    epilog=MORE_HELP,
    no_args_is_help=False,
    subcommand_metavar="COMMAND ...",
    context_settings={**COMMAND_SETTINGS, "auto_envvar_prefix": PREFIX},
    params=[
        click.Option(
            ["--version"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            allow_from_autoenv=False,
            callback=_show_version,
            help="Show the version.",
        )
    ],
)
