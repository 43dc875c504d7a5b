"""The command `benchmark-exporter`: flags and wiring. Each command imports what it needs, so that a health check costs little."""

import argparse
import math
import os
import sys
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmark_exporter.commands.push import Exporter
    from benchmark_exporter.config import Config

EXIT_OK, EXIT_REJECTED, EXIT_UNUSABLE = 0, 1, 2
PREFIX = "BENCHMARK_EXPORTER_"
STREAM_TOKEN = f"{PREFIX}STREAM_TOKEN"
HEALTHCHECK_SECONDS = 3.0
RUN_USAGE = "benchmark-exporter run [options] [--] COMMAND…"
# What push can say of documents, as parameters of an upload.
SAID = (
    *("project", "environment", "commit", "branch"),
    *(
        "machine_os",
        "machine_architecture",
        "machine_cpu_model",
        "machine_cpu_count",
        "machine_profile",
    ),
)
# The parts of the stack that pages and runbooks lead to.
LINKED = {
    "exporter": "the exporter",
    "stream": "the live page",
    "prometheus": "Prometheus",
    "alertmanager": "Alertmanager",
    "grafana": "Grafana",
}
# What ci-status can say of a run.
REPORTED = ("pipeline", "branch", "trigger", "run_id", "status", "duration")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit status."""
    options = _parser().parse_args(arguments)
    try:
        status: int = options.command(options)
    except KeyboardInterrupt:
        return 130
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="benchmark-exporter",
        description="Makes Prometheus metrics of the result files that benchmark tools write.",
        epilog=f"Every option can be a variable too: {PREFIX}LISTEN for --listen. Options win over variables, both over config.yaml.",
    )
    parser.add_argument(
        "--version", action="version", version=f"benchmark-exporter {version('benchmark-exporter')}"
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    serve = commands.add_parser("serve", help="watch a folder of results and serve their metrics")
    _add(
        serve,
        "--results-dir",
        "results",
        "folder that benchmark tools write to; it is only read",
        type=Path,
        metavar="FOLDER",
    )
    _add_ledger(serve)
    _add(
        serve,
        "--upload-tokens",
        None,
        "file of the tokens that may upload, each on a line; it may come and change later",
        type=Path,
        metavar="FILE",
    )
    _add(
        serve,
        "--github-webhook-secret",
        None,
        "file of the secrets of GitHub's webhooks, each on a line; it may come and change later",
        type=Path,
        metavar="FILE",
    )
    _add(
        serve,
        "--listen",
        "127.0.0.1:8000",
        "address of /metrics and the API",
        type=_address,
        metavar="HOST:PORT",
    )
    _add(
        serve,
        "--stream-listen",
        "127.0.0.1:8765",
        "address of the stream and the live page; `off` for none",
        type=_address_or_off,
        metavar="HOST:PORT",
    )
    _add(
        serve,
        "--stream-tokens",
        None,
        "file of the tokens that may follow the stream; without one, all may",
        type=Path,
        metavar="FILE",
    )
    _add(
        serve,
        "--metrics",
        None,
        "metrics.yaml to use in place of the packaged one",
        type=Path,
        metavar="FILE",
    )
    _add(
        serve,
        "--runbooks-dir",
        None,
        "folder whose pages are served at /runbooks/NAME",
        type=Path,
        metavar="FOLDER",
    )
    for part, name in LINKED.items():
        _add(
            serve,
            f"--{part}-url",
            None,
            f"where people reach {name}, for links in runbooks and pages",
            type=_url,
            metavar="URL",
        )
    _add(
        serve,
        "--log-format",
        "logfmt",
        "of the log lines on standard error",
        choices=("logfmt", "json"),
    )
    _add_config(serve)
    serve.set_defaults(command=_serve)

    check = commands.add_parser(
        "check", help="say what a result file would be ingested as, or exactly why not"
    )
    check.add_argument("files", nargs="+", type=Path, metavar="FILE")
    gate = check.add_argument_group("in CI")
    gate.add_argument(
        "--gate",
        action="store_true",
        help="judge the runs: exit 0 if they pass, 1 if not, 2 if a file cannot be judged",
    )
    earlier = gate.add_mutually_exclusive_group()
    earlier.add_argument(
        "--ledger",
        type=Path,
        metavar="FILE",
        help="judge them beside the history in an exporter's database, too",
    )
    earlier.add_argument(
        "--baseline",
        type=Path,
        nargs="+",
        default=[],
        metavar="FILE",
        help="... or beside earlier runs' result files",
    )
    gate.add_argument(
        "--fail-on",
        choices=("critical", "warning"),
        default="critical",
        help="least verdict that fails (%(default)s)",
    )
    gate.add_argument(
        "--summary",
        type=Path,
        metavar="FILE",
        help="write the summary there, in Markdown (appended to $GITHUB_STEP_SUMMARY)",
    )
    _add_config(check)
    check.set_defaults(command=_check)

    push = commands.add_parser(
        "push", help="send result files, with their side files, to an exporter on another machine"
    )
    push.add_argument("files", nargs="+", type=Path, metavar="FILE")
    _add_exporter(push, "http://127.0.0.1:8000")
    for name in SAID:
        flag, metavar = (
            f"--{name.replace('_', '-')}",
            "NUMBER" if name.endswith("_count") else "NAME",
        )
        _add(
            push,
            flag,
            None,
            "of documents that state none; wins over their side files",
            metavar=metavar,
        )
    push.add_argument(
        "--machine-of-this-host",
        action="store_true",
        help="the results were measured here: what they do not state of their machine is this one's, unless a side file names another",
    )
    push.set_defaults(command=_push)

    ci_status = commands.add_parser(
        "ci-status",
        help="report the outcome of a CI pipeline's run",
        description="In a job of GitHub, GitLab or Jenkins, what is not given is taken from the job's variables.",
    )
    _add(
        ci_status,
        "--status",
        None,
        "pass or fail, or the CI's own word, say success or UNSTABLE; a cancelled or skipped run is not reported",
        metavar="WORD",
    )
    _add(ci_status, "--pipeline", None, "which pipeline", metavar="NAME")
    _add(ci_status, "--branch", None, "which branch it ran for", metavar="NAME")
    _add(ci_status, "--trigger", None, "what started it, say push or schedule", metavar="NAME")
    _add(
        ci_status,
        "--run-id",
        None,
        "what tells this run of the pipeline from the others",
        metavar="ID",
    )
    _add(ci_status, "--duration", None, "how long it took", metavar="SECONDS")
    _add(
        ci_status,
        "--results-dir",
        None,
        "folder to write to, where there is no --url (results)",
        type=Path,
        metavar="FOLDER",
    )
    _add_exporter(ci_status, None)
    ci_status.set_defaults(command=_ci_status)

    run = commands.add_parser(
        "run",
        help="run any benchmark, unchanged, and record its duration, CPU and memory",
        usage=RUN_USAGE,
    )
    run.add_argument(
        "--name",
        metavar="NAME",
        help="it is recorded as the benchmark run/NAME (the command's own name)",
    )
    _add(
        run,
        "--results-dir",
        None,
        "folder to record it in; also BENCHMARK_RESULTS_DIR (results)",
        type=Path,
        metavar="FOLDER",
    )
    _add(run, "--project", None, "also BENCHMARK_PROJECT", metavar="NAME")
    _add(run, "--environment", None, "also BENCHMARK_ENVIRONMENT", metavar="NAME")
    _add(run, "--commit", None, "also BENCHMARK_COMMIT, and what CI or git says", metavar="HASH")
    _add(run, "--branch", None, "also BENCHMARK_BRANCH, and what CI or git says", metavar="NAME")
    _add(
        run,
        "--machine-profile",
        None,
        "what tells this machine from others of its CPU; also BENCHMARK_MACHINE_PROFILE",
        metavar="NAME",
    )
    run.add_argument(
        "--no-document", action="store_true", help="only stream it while it runs; record no result"
    )
    run.add_argument(
        "words",
        nargs=argparse.REMAINDER,
        metavar="COMMAND…",
        help="the benchmark and its own arguments",
    )
    run.set_defaults(command=_run, parser=run)

    history = commands.add_parser(
        "history",
        help="list the runs that a ledger keeps, the newest first, while its exporter goes on",
    )
    _add_ledger(history)
    _add_times(history)
    history.add_argument(
        "--benchmark",
        metavar="GLOB",
        help="runs of benchmarks with such a name, and these alone, like 'router*'",
    )
    history.add_argument("--environment", metavar="NAME", help="runs made there")
    history.add_argument("--project", metavar="NAME", help="runs of this project")
    history.add_argument(
        "--commit", metavar="HASH", help="runs of this commit; its beginning will do"
    )
    history.add_argument("--branch", metavar="NAME", help="runs of this branch")
    history.add_argument(
        "--failed",
        action="store_true",
        help="runs with a failed benchmark or a gate that was not passed",
    )
    history.add_argument(
        "--limit",
        type=_positive,
        default=20,
        metavar="N",
        help="at most so many runs (%(default)s)",
    )
    history.add_argument(
        "--format", choices=("table", "json"), default="table", help="of the output (%(default)s)"
    )
    history.set_defaults(command=_history)

    backfill = commands.add_parser(
        "backfill",
        help="bring past runs into Prometheus with their own times, so that trends show them",
    )
    backfill.add_argument(
        "files",
        nargs="*",
        type=Path,
        metavar="FILE",
        help="result files, or folders of them, in place of the ledger's runs",
    )
    _add_ledger(backfill)
    _add_times(backfill)
    backfill.add_argument(
        "--url", default="http://127.0.0.1:9090", help="address of Prometheus (%(default)s)"
    )
    backfill.add_argument(
        "--job",
        default="benchmark-exporter",
        metavar="NAME",
        help="label of the live series (%(default)s)",
    )
    backfill.add_argument(
        "--slow-job",
        default="benchmark-exporter-slow",
        metavar="NAME",
        help="of those that are not scraped each second (%(default)s)",
    )
    backfill.add_argument(
        "--instance",
        default="benchmark-exporter",
        metavar="NAME",
        help="label of the live series (%(default)s)",
    )
    backfill.add_argument(
        "--dry-run", action="store_true", help="say what would be written, and write nothing"
    )
    backfill.add_argument(
        "--blocks",
        type=Path,
        metavar="FOLDER",
        help="make blocks for Prometheus' data folder here, in place of sending",
    )
    _add(backfill, "--promtool", "promtool", "program that makes blocks", type=Path, metavar="FILE")
    _add(
        backfill,
        "--metrics",
        None,
        "metrics.yaml to use in place of the packaged one",
        type=Path,
        metavar="FILE",
    )
    _add_config(backfill)
    backfill.set_defaults(command=_backfill)

    _add_forget(
        commands.add_parser(
            "forget", help="delete all that the ledger has of a project or pipeline"
        )
    )
    _add_baseline(
        commands.add_parser("baseline", help="pin a run, so that later ones are judged beside it")
    )

    watch = commands.add_parser(
        "watch", help="show what runs, verdicts and alerts as they happen; in a pipe as plain lines"
    )
    watch.add_argument(
        "--url",
        default="ws://localhost:8765",
        type=_stream_url,
        help="address of the exporter's stream (%(default)s)",
    )
    watch.add_argument(
        "--project",
        action="append",
        default=[],
        metavar="GLOB",
        help="of such projects; may be given again",
    )
    watch.add_argument(
        "--benchmark",
        action="append",
        default=[],
        metavar="GLOB",
        help="of such benchmarks, like 'router*'",
    )
    watch.add_argument(
        "--token-file",
        type=Path,
        metavar="FILE",
        help=f"file whose first token is sent; without one, {STREAM_TOKEN} is",
    )
    _add(
        watch,
        "--prometheus-url",
        None,
        "address to show; by default port 9090 of the same machine",
        metavar="URL",
    )
    _add(
        watch,
        "--grafana-url",
        None,
        "address to show; by default port 3000 of the same machine",
        metavar="URL",
    )
    watch.add_argument("--plain", action="store_true", help="plain lines on a terminal too")
    watch.set_defaults(command=_watch)

    healthcheck = commands.add_parser(
        "healthcheck", help="exit 0 if the exporter on this machine is ready, else 1"
    )
    _add(
        healthcheck,
        "--listen",
        "127.0.0.1:8000",
        "address that serve was given",
        type=_address,
        metavar="HOST:PORT",
    )
    healthcheck.set_defaults(command=_healthcheck)
    return parser


def _add_baseline(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    pin = commands.add_parser(
        "set",
        help="pin a run's results",
        description="Pins a run's results. To pin a regression is to accept it.",
    )
    pin.add_argument(
        "run", metavar="RUN", help="its run_id, or the number of its row in the ledger"
    )
    pin.add_argument(
        "--version", required=True, metavar="VERSION", help="what to call it, say v0.3.0"
    )
    pin.add_argument("--reason", default="", metavar="TEXT", help="why, for those who come later")
    pin.add_argument("--who", default=None, metavar="NAME", help="who says so (USER@HOST)")
    _add_config(pin)
    show = commands.add_parser("show", help="the values that are pinned of a run or version")
    clear = commands.add_parser("clear", help="let go of what is pinned of a run or version")
    for each in (show, clear):
        each.add_argument("name", metavar="RUN|VERSION")
    each_command = {
        "set": pin,
        "list": commands.add_parser("list", help="the runs that are pinned"),
        "show": show,
        "clear": clear,
    }
    for name, each in each_command.items():
        _add_written_ledger(each)
        each.set_defaults(command=_baseline, baseline_command=name)


def _add_forget(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--project",
        action="append",
        default=[],
        metavar="NAME",
        help="with its runs, totals, baselines; may be repeated",
    )
    parser.add_argument(
        "--pipeline",
        action="append",
        default=[],
        metavar="NAME",
        help="with its runs and totals; may be repeated",
    )
    _add_written_ledger(parser)
    parser.set_defaults(command=_forget)


def _add_written_ledger(parser: argparse.ArgumentParser) -> None:
    described = "database that serve was given; run this as the user that serve runs as"
    _add(parser, "--ledger", "ledger.sqlite3", described, type=Path, metavar="FILE")


def _add_config(parser: argparse.ArgumentParser) -> None:
    _add(
        parser,
        "--config",
        None,
        "config.yaml to use in place of the packaged one",
        type=Path,
        metavar="FILE",
    )
    _add(parser, "--environment", None, "of results that name none", metavar="NAME")


def _add_exporter(parser: argparse.ArgumentParser, url: str | None) -> None:
    _add(parser, "--url", url, "address of the exporter", type=_url)
    _add(
        parser,
        "--token-file",
        None,
        f"file whose first token is sent; without one, {PREFIX}TOKEN is",
        type=Path,
        metavar="FILE",
    )
    _add(
        parser,
        "--timeout",
        "60",
        "seconds after which a file is given up, all tries included",
        type=_seconds,
        metavar="SECONDS",
    )


def _add_ledger(parser: argparse.ArgumentParser) -> None:
    _add(
        parser,
        "--ledger",
        "ledger.sqlite3",
        "database of what has been ingested",
        type=Path,
        metavar="FILE",
    )


def _add_times(parser: argparse.ArgumentParser) -> None:
    form = "2026-11-01, 2026-11-01T12:00+09:00, or 7d ago (m, h, d, w)"
    parser.add_argument(
        "--since",
        type=_moment,
        default=-math.inf,
        metavar="TIME",
        help=f"runs made at this time or later: {form}",
    )
    parser.add_argument(
        "--until", type=_moment, default=math.inf, metavar="TIME", help="runs made before this time"
    )


def _moment(text: str) -> float:
    import time

    from benchmark_exporter.commands.history import moment

    try:
        return moment(text, time.time())
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 on")
    return int(text)


def _add(
    parser: argparse.ArgumentParser, flag: str, default: str | None, text: str, **how: object
) -> None:
    value = os.environ.get(PREFIX + flag.removeprefix("--").replace("-", "_").upper()) or default
    shown = "" if value is None else " (%(default)s)"
    parser.add_argument(flag, default=value, help=text + shown, **how)  # type: ignore[arg-type]  # argparse's own keywords


def _address(text: str) -> tuple[str, int]:
    host, separator, port = text.rpartition(":")
    if not separator or not port.isdecimal() or not 0 < int(port) < 65536:
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT, like 127.0.0.1:8000")
    return host.strip("[]"), int(port)


def _address_or_off(text: str) -> tuple[str, int] | None:
    return None if text == "off" else _address(text)


def _url(text: str) -> str:
    from urllib.parse import urlsplit

    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no address like http://monitoring.example:8000"
        )
    return text


def _stream_url(text: str) -> str:
    from urllib.parse import urlsplit

    parts = urlsplit(text)
    if parts.scheme not in ("ws", "wss") or not parts.hostname or parts.query or parts.fragment:
        raise argparse.ArgumentTypeError(f"{text!r} is no address like ws://localhost:8765")
    return text.removesuffix("/stream")


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no time; it takes a number of seconds above 0"
        )
    return seconds


def _config(options: argparse.Namespace) -> "Config":
    import msgspec

    from benchmark_exporter.config import load_config, packaged

    config = load_config(options.config or packaged("config.yaml"))
    return (
        config
        if options.environment is None
        else msgspec.structs.replace(config, environment=options.environment)
    )


def _serve(options: argparse.Namespace) -> int:
    import asyncio

    from benchmark_exporter import log
    from benchmark_exporter.config import ConfigError, packaged
    from benchmark_exporter.ledger import LedgerError
    from benchmark_exporter.links import Links
    from benchmark_exporter.metrics.collector import load_definitions
    from benchmark_exporter.server.serve import Settings, serve

    log.configure(options.log_format)
    host, port = options.listen
    try:
        settings = Settings(
            config=_config(options),
            definitions=load_definitions(options.metrics or packaged("metrics.yaml")),
            results_dir=options.results_dir.resolve(strict=True),
            ledger_path=options.ledger.absolute(),
            upload_tokens=options.upload_tokens and options.upload_tokens.absolute(),
            github_webhook_secret=options.github_webhook_secret
            and options.github_webhook_secret.absolute(),
            runbooks_dir=options.runbooks_dir,
            links=Links(
                {
                    part: url.rstrip("/")
                    for part in LINKED
                    if (url := getattr(options, f"{part}_url")) is not None
                }
            ),
            host=host,
            port=port,
            stream_address=options.stream_listen,
            stream_tokens=options.stream_tokens and options.stream_tokens.absolute(),
        )
        next(os.scandir(settings.results_dir), None)
        asyncio.run(serve(settings))
    except (ConfigError, LedgerError) as error:
        return _unusable(str(error))
    except FileNotFoundError as error:
        return _unusable(
            f"{error.filename}: there is no such folder; create it or name another with --results-dir"
        )
    except OSError as error:
        return _unusable(str(error))
    return EXIT_OK


def _unusable(reason: str) -> int:
    print(f"benchmark-exporter: {reason}", file=sys.stderr)
    return EXIT_UNUSABLE


def _check(options: argparse.Namespace) -> int:
    from benchmark_exporter.commands.check import check_file
    from benchmark_exporter.config import ConfigError

    try:
        config = _config(options)
    except ConfigError as error:
        return _unusable(str(error))
    if options.gate:
        return _gate(options, config)
    if options.ledger or options.baseline or options.summary:
        return _unusable("--ledger, --baseline and --summary belong to --gate")
    status = EXIT_OK
    for path in options.files:
        accepted, lines = check_file(path, config)
        print("\n".join(lines))
        status = status if accepted else EXIT_REJECTED
    return status


def _push(options: argparse.Namespace) -> int:
    from benchmark_exporter.commands.push import PushError, push

    said = {name: value for name in SAID if (value := getattr(options, name))}
    machine = _this_host() if options.machine_of_this_host else {}
    try:
        return EXIT_OK if push(options.files, _exporter(options), said, machine) else EXIT_REJECTED
    except PushError as error:
        return _unusable(str(error))


def _this_host() -> dict[str, str]:
    from dataclasses import asdict

    from benchmark_exporter.client.machine import find_machine
    from benchmark_exporter.commands.push import of_machine

    return of_machine(asdict(find_machine()))


def _exporter(options: argparse.Namespace) -> "Exporter":
    from benchmark_exporter.commands.push import Exporter, PushError, read_token

    token = (
        os.environ.get(f"{PREFIX}TOKEN", "")
        if options.token_file is None
        else read_token(options.token_file)
    )
    if not token:
        raise PushError(
            f"there is no token to send; name its file with --token-file, or set {PREFIX}TOKEN"
        )
    return Exporter(options.url, token, options.timeout)


def _ci_status(options: argparse.Namespace) -> int:
    from datetime import UTC, datetime

    from benchmark_exporter.ci_status import CIStatusError, described_by, document, drop, outcome
    from benchmark_exporter.commands.push import PushError, Undelivered, deliver

    now = datetime.now(UTC)
    given = {name: value for name in REPORTED if (value := getattr(options, name))}
    try:
        if options.url is not None and options.results_dir is not None:
            raise CIStatusError("give --url or --results-dir, not both; each may be a variable")
        said = described_by(os.environ, now) | given
        reported = outcome(said, now)
        if reported is None:
            print(f"not reported: {said['status']} is neither pass nor fail")
            return EXIT_OK
        name = f"{reported.pipeline} on {reported.branch}, by {reported.trigger}: {reported.status}"
        if options.url is None:
            print(
                f"{name}: written to {drop(document(reported), options.results_dir or Path('results'))}"
            )
        else:
            print(f"{name}: {deliver(name, document(reported), {}, _exporter(options))}")
    except (CIStatusError, PushError) as error:
        return _unusable(str(error))
    except Undelivered as undelivered:
        print(f"{name}: {undelivered}")
        return EXIT_REJECTED
    return EXIT_OK


def _run(options: argparse.Namespace) -> int:
    from benchmark_exporter.client.machine import find_machine
    from benchmark_exporter.client.provenance import Provenance, find_provenance, find_results_dir
    from benchmark_exporter.client.run import Settings, run

    words = options.words[1:] if options.words[:1] == ["--"] else options.words
    if not words:
        options.parser.error("there is no command to run")
    said = Provenance(
        options.project, options.environment, options.commit or "", options.branch or ""
    )
    settings = Settings(
        name=options.name or Path(words[0]).name,
        results_dir=find_results_dir(options.results_dir),
        provenance=find_provenance(said),
        machine=find_machine(options.machine_profile or ""),
        document=not options.no_document,
    )
    return run(words, settings)


def _watch(options: argparse.Namespace) -> int:
    import asyncio
    import time
    from urllib.parse import urlsplit

    from benchmark_exporter.commands.push import PushError, read_token
    from benchmark_exporter.commands.watch import PlainScreen, Target, WatchError, watch

    try:
        token = (
            os.environ.get(STREAM_TOKEN, "")
            if options.token_file is None
            else read_token(options.token_file)
        )
    except PushError as error:
        return _unusable(str(error))
    target = Target(options.url, options.project, options.benchmark, token)
    host = urlsplit(options.url).hostname
    try:
        for name, address in (
            ("stream", target.stream_url),
            ("live page", target.page_url),
            ("Prometheus", options.prometheus_url or f"http://{host}:9090"),
            ("Grafana", options.grafana_url or f"http://{host}:3000"),
        ):
            print(f"{name:<10} {address}", flush=True)
        if options.plain or not sys.stdout.isatty():
            asyncio.run(watch(target, PlainScreen(sys.stdout, time.monotonic)))
        else:
            from rich.console import Console

            from benchmark_exporter.commands.terminal import TerminalScreen

            with TerminalScreen(Console()) as screen:
                asyncio.run(watch(target, screen))
    except WatchError as error:
        return _unusable(str(error))
    except BrokenPipeError:
        os.dup2(
            os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno()
        )  # what Python has yet to flush has no reader
    return EXIT_OK


def _history(options: argparse.Namespace) -> int:
    from benchmark_exporter.commands.history import table, to_json
    from benchmark_exporter.ledger import LedgerError
    from benchmark_exporter.ledger.history import History, Selection

    selection = Selection(
        benchmark=options.benchmark,
        environment=options.environment,
        project=options.project,
        commit_hash=options.commit,
        branch=options.branch,
        since_seconds=options.since,
        until_seconds=options.until,
        failed=options.failed,
    )
    try:
        with History(options.ledger) as history:
            runs = list(history.newest_first(selection, options.limit))
    except LedgerError as error:
        return _unusable(str(error))
    if options.format == "json":
        print(to_json(runs))
    elif runs:
        print("\n".join(table(runs)))
    else:
        print("no such run", file=sys.stderr)
    return EXIT_OK


def _backfill(options: argparse.Namespace) -> int:
    from contextlib import ExitStack

    from benchmark_exporter.commands.backfill import (
        BlocksError,
        PastRun,
        Target,
        backfill,
        measure,
        runs_of_ledger,
        write_blocks,
    )
    from benchmark_exporter.commands.progress import Progress
    from benchmark_exporter.commands.remote_write import RemoteWriteError
    from benchmark_exporter.config import ConfigError, packaged
    from benchmark_exporter.ingest.result_files import runs_of_files
    from benchmark_exporter.ledger import LedgerError
    from benchmark_exporter.ledger.history import History, Selection
    from benchmark_exporter.metrics.collector import Collector, load_definitions

    runs: Iterable[PastRun]
    rejected: list[Path] = []

    def reject(path: Path, error: Exception) -> None:
        rejected.append(path)
        print(f"{path}: left out: {error}", file=sys.stderr)

    selection = Selection(since_seconds=options.since, until_seconds=options.until)
    target = Target(options.job, options.slow_job, options.instance)
    with ExitStack() as stack:
        try:
            config = _config(options)
            collector = Collector(
                load_definitions(options.metrics or packaged("metrics.yaml")), config
            )
            if options.files:
                runs, count = runs_of_files(options.files, selection, config, config.policy, reject)
            else:
                runs, count = runs_of_ledger(
                    stack.enter_context(History(options.ledger)), selection
                )
            progress = stack.enter_context(Progress(count, "runs", sys.stderr))
            if options.dry_run:
                outcome = measure(runs, collector, target)
            elif options.blocks is not None:
                outcome = write_blocks(
                    runs, options.blocks, options.promtool, collector, target, tell=progress.tell
                )
            else:
                outcome = backfill(runs, options.url, collector, target, tell=progress.tell)
        except (ConfigError, LedgerError, BlocksError, RemoteWriteError) as error:
            return _unusable(str(error))
    print("\n".join(outcome.lines("would write" if options.dry_run else "wrote")))
    if options.blocks is not None and not options.dry_run:
        print(
            f"move the folders in {options.blocks} into Prometheus' data folder, owned by its user: it shows them within a minute"
        )
    return EXIT_REJECTED if rejected else EXIT_OK


def _gate(options: argparse.Namespace, config: "Config") -> int:
    from benchmark_exporter.commands.gate import Gate, GateError
    from benchmark_exporter.ledger import Ledger, LedgerError

    if options.ledger is not None and not options.ledger.is_file():
        return _unusable(f"{options.ledger}: there is no such ledger")
    try:
        ledger = None if options.ledger is None else Ledger(options.ledger)
        try:
            passed, summary = Gate(config, ledger, options.baseline).check(
                options.files, on_warning=options.fail_on == "warning"
            )
        finally:
            if ledger is not None:
                ledger.close()
        print(summary)
        if options.summary is not None:
            options.summary.write_text(f"{summary}\n", encoding="utf-8")
        elif step_summary := os.environ.get("GITHUB_STEP_SUMMARY"):
            with Path(step_summary).open("a", encoding="utf-8") as file:
                file.write(f"{summary}\n")
    except (GateError, LedgerError, OSError) as error:
        return _unusable(str(error))
    return EXIT_OK if passed else EXIT_REJECTED


def _baseline(options: argparse.Namespace) -> int:
    import time

    from benchmark_exporter.commands import baseline
    from benchmark_exporter.config import ConfigError
    from benchmark_exporter.ledger import Ledger, LedgerError, Pin

    try:
        if not options.ledger.is_file():
            return _unusable(
                f"{options.ledger}: there is no such ledger; name the one that serve was given with --ledger"
            )
        ledger = Ledger(options.ledger)
        try:
            if options.baseline_command == "set":
                pin = Pin(options.version, options.who or _user(), time.time(), options.reason)
                lines = baseline.set_baseline(ledger, options.run, pin, _config(options).judgement)
            elif options.baseline_command == "list":
                lines = baseline.list_baselines(ledger)
            else:
                act = (
                    baseline.show_baseline
                    if options.baseline_command == "show"
                    else baseline.clear_baseline
                )
                lines = act(ledger, options.name)
        finally:
            ledger.close()
    except baseline.BaselineError as error:
        print(f"benchmark-exporter: {error}", file=sys.stderr)
        return EXIT_REJECTED
    except (ConfigError, LedgerError) as error:
        return _unusable(str(error))
    print("\n".join(lines))
    return EXIT_OK


def _forget(options: argparse.Namespace) -> int:
    from benchmark_exporter.ledger import Ledger, LedgerError

    if not options.project and not options.pipeline:
        return _unusable("name what to forget with --project or --pipeline")
    try:
        if not options.ledger.is_file():
            return _unusable(
                f"{options.ledger}: there is no such ledger; name the one that serve was given with --ledger"
            )
        ledger = Ledger(options.ledger)
        try:
            forgotten = ledger.forget(options.project, options.pipeline)
        finally:
            ledger.close()
    except LedgerError as error:
        return _unusable(str(error))
    print(
        f"forgot {forgotten.runs:,} runs of projects and {forgotten.pipeline_runs:,} of pipelines; Prometheus keeps what it has scraped"
    )
    return EXIT_OK


def _user() -> str:
    import getpass
    import socket

    try:
        name = getpass.getuser()
    except KeyError:  # a container's user that has no name
        name = f"uid {os.getuid()}"
    return f"{name}@{socket.gethostname()}"


def _healthcheck(options: argparse.Namespace) -> int:
    import http.client

    host, port = options.listen
    connection = http.client.HTTPConnection(
        "127.0.0.1" if host in ("", "0.0.0.0", "::") else host,  # noqa: S104  # not bound to, only recognised
        port,
        timeout=HEALTHCHECK_SECONDS,
    )
    try:
        connection.request("GET", "/-/ready")
        response = connection.getresponse()
        text = response.read().decode(errors="replace").strip()
    except OSError as error:
        print(f"no answer on port {port}: {error}", file=sys.stderr)
        return EXIT_REJECTED
    finally:
        connection.close()
    print(text)
    return EXIT_OK if response.status == http.HTTPStatus.OK else EXIT_REJECTED


if __name__ == "__main__":
    sys.exit(main())
