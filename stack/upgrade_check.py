"""`make upgrade-check`: what `make up` would change, and what would keep it from working.

It changes nothing, and may be run while the earlier version runs.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmark_exporter.config import ConfigError, load_config, read_yaml
from benchmark_exporter.config_file.deprecations import earlier_defaults, without_deprecated
from benchmark_exporter.ledger import probe
from benchmark_exporter.ledger.copies import copy_path
from benchmark_exporter.ledger.forecast import Forecast, forecast
from stack import preflight
from stack.compose import ComposeStack
from stack.local import LocalStack
from stack.settings import Settings, StackError, defaults

CONFIG = Path("exporter/benchmark_exporter/config.yaml")
# Where config.yaml was before 0.6.
OLD_CONFIG = Path("exporter/config.yaml")
LEDGER_IN_CONTAINER = "/var/lib/benchmark-exporter/ledger.sqlite3"
IMAGES = (
    "EXPORTER",
    "PROMETHEUS",
    "ALERTMANAGER",
    "GRAFANA",
    "NODE_EXPORTER",
    "VICTORIAMETRICS",
    "VMAUTH",
)
PROBE_SECONDS = 60

Stack = ComposeStack | LocalStack


class Report:
    """Lines that say what changes, and problems that would keep `make up` from working."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def say(self, line: str) -> None:
        print(f"  {line}", flush=True)

    def add(self, problem: str) -> None:
        self.problems.append(problem)


def run(settings: Settings, stack: Stack) -> None:
    """Say what `up` would do.

    Raises:
        StackError: it would not work; the message has all reasons.
    """
    report = Report()
    print(f"make up starts {'containers' if stack.mode == 'compose' else 'processes'}; it would")
    _check_ledger(settings, stack, report)
    _check_config(settings, report)
    _check_programs(settings, stack, report)
    try:
        preflight.check(settings, stack.mode, stack.parts(), stack.own_ports(), make_results=False)
    except StackError as error:
        report.add(str(error))
    if report.problems:
        raise StackError("\n".join(["`make up` would not work:", *report.problems]))
    print("`make up` will work")


def _check_ledger(settings: Settings, stack: Stack, report: Report) -> None:
    try:
        found = _probe(settings, stack)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        report.add(f"the ledger cannot be read: {error}")
        return
    if found is None:
        report.say("begin with a new ledger, or one in a volume that nothing has open")
        return
    ahead = forecast(found["schema"], found["bytes"])
    if ahead.is_newer:
        report.add(
            f"the ledger has schema {ahead.schema}, of a newer version; this one knows "
            f"{ahead.newest}: docs/upgrading.md#going-back"
        )
    elif not ahead.steps:
        report.say(f"leave the ledger as it is: {found['runs']:,} runs, schema {ahead.newest}")
    else:
        _say_migration(ahead, found, settings, report)


def _say_migration(
    ahead: Forecast, found: dict[str, Any], settings: Settings, report: Report
) -> None:
    kept = copy_path(settings.state_dir / "ledger.sqlite3", ahead.schema).name
    report.say(
        f"migrate the ledger from schema {ahead.schema} to {ahead.newest}: {found['runs']:,} "
        f"runs, {found['bytes'] / 1e6:,.1f} MB, about {ahead.seconds:.0f} s"
    )
    for step in ahead.steps:
        report.say(f"  {step}")
    needed, free = ahead.space_bytes / 1e6, found["free_bytes"] / 1e6
    report.say(f"keep a copy of it as {kept}; this needs {needed:,.1f} MB of {free:,.0f} MB free")
    if ahead.space_bytes > found["free_bytes"]:
        report.add(f"the ledger's disk has {free:,.0f} MB free, and {needed:,.0f} MB are needed")


def _probe(settings: Settings, stack: Stack) -> dict[str, Any] | None:
    """What is in the ledger; None if there is none to be seen.

    Raises:
        OSError, SubprocessError, ValueError: it cannot be read.
    """
    script = Path(probe.__file__)
    if isinstance(stack, LocalStack):
        ledger = stack.processes.ledger
        if not ledger.is_file():
            return None
        words = [sys.executable, str(script), str(ledger)]
    else:
        if stack.states()["exporter"] != "running":
            return None
        command = stack.placement().exporter_command[:-1]
        words = [*command, "python", "-", LEDGER_IN_CONTAINER]
    done = subprocess.run(
        words,
        cwd=settings.root,
        input=script.read_text(encoding="utf-8"),
        capture_output=True,
        text=True,
        timeout=PROBE_SECONDS,
        check=False,
    )
    if done.returncode:
        raise OSError((done.stderr.strip().splitlines() or ["no reason given"])[-1])
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _check_config(settings: Settings, report: Report) -> None:
    """What config.yaml says that means something else now."""
    path = settings.root / CONFIG
    if (settings.root / OLD_CONFIG).is_file():
        report.say(f"not read {OLD_CONFIG}, which is {CONFIG} since 0.6: move your changes there")
    try:
        document = read_yaml(path)
        load_config(path)
    except ConfigError as error:
        report.add(str(error))
        return
    for warning in without_deprecated(document)[1]:
        report.say(f"warn that {warning}")
    for key in earlier_defaults(document):
        report.say(f"use {key} of {CONFIG}, which is the default of an earlier version: check it")


def _check_programs(settings: Settings, stack: Stack, report: Report) -> None:
    if isinstance(stack, LocalStack):
        if missing := stack.missing_programs():
            report.say(f"fetch {', '.join(missing)}")
        return
    running, ours = stack.images(), defaults(settings.root)
    for part in IMAGES:
        name, wanted = f"{part}_IMAGE", settings[f"{part}_IMAGE"]
        if (now := running.get(part.lower())) is not None and wanted and now != wanted:
            report.say(f"replace {now} by {wanted}")
        if wanted and wanted != ours[name]:
            report.say(f"use {wanted}, as {name} in .env says, and not {ours[name]}")
