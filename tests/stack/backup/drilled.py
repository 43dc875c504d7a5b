"""A stack of its own for a disaster drill, in either mode, and what it shows."""

import json
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from stack.project import derived_name
from stack.settings import ALERTMANAGER, EXPORTER, NODE_EXPORTER, PROMETHEUS, Settings, load
from tests import guardian
from tests.stack.backends import get, get_text, query, stand_in_images, trust, until
from tests.stack.checkouts import checkout, link_programs, ports, run_stack

ARRIVAL_SECONDS = 30.0
INGESTED = "benchmark_exporter_files_ingested_total"


class Drilled:
    """A checkout whose stack is made, destroyed and restored by the Makefile's commands."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @property
    def root(self) -> Path:
        return self.settings.root

    def run(self, *words: str) -> str:
        """Run a command of the Makefile that has to succeed; what it prints."""
        done = run_stack(self.root, *words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def refused(self, *words: str) -> str:
        """Run one that has to fail; its reason."""
        done = run_stack(self.root, *words)
        assert done.returncode == 1, done.stdout + done.stderr
        return done.stderr

    def history(self) -> list[dict[str, Any]]:
        """Every run of the ledger."""
        shown: list[dict[str, Any]] = json.loads(
            self.run("exporter", "history", "--format=json", "--limit=10000")
        )
        return shown

    def totals(self) -> dict[str, float]:
        """The counters that the ledger keeps, as the exporter shows them."""
        lines = get_text(EXPORTER.url(self.settings, "/metrics?collect[]=state")).splitlines()
        kept = (INGESTED, "benchmark_verdicts_total", "ci_pipeline_runs_total")
        shown = (line.rpartition(" ") for line in lines if line.startswith(kept))
        return {name: float(value) for name, _, value in shown}

    def ingested(self) -> float:
        return sum(value for name, value in self.totals().items() if name.startswith(INGESTED))

    def value(self, expression: str) -> float:
        """The sum of an instant query; 0 without any series."""
        return sum(float(one["value"][1]) for one in query(self.settings, expression))

    def silence(self, name: str) -> None:
        silence = {
            "matchers": [
                {"name": "benchmark_name", "value": f"{name}|ü", "isRegex": True, "isEqual": True},
                {"name": "severity", "value": "none", "isRegex": False, "isEqual": False},
            ],
            "startsAt": "2026-01-01T00:00:00Z",
            "endsAt": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 86_400)),
            "createdBy": "a test",
            "comment": 'quotes ": " and ümlauts',
        }
        request = urllib.request.Request(
            ALERTMANAGER.url(self.settings, "/api/v2/silences"),
            json.dumps(silence).encode(),
            {"Content-Type": "application/json"},
        )
        urllib.request.urlopen(request, timeout=10).close()

    def silences(self) -> list[Any]:
        found: list[Any] = get(ALERTMANAGER.url(self.settings, "/api/v2/silences"))
        return sorted(found, key=lambda one: str(one["id"]))

    def until_ingested(self, files: int) -> None:
        until(lambda: self.ingested() == files or None, ARRIVAL_SECONDS, f"{files} files ingested")

    def until_scraped(self, files: int) -> None:
        until(
            lambda: self.value(f"sum({INGESTED})") == files or None,
            ARRIVAL_SECONDS,
            f"{files} files in Prometheus",
        )


@contextmanager
def local(folder: Path, free_port: Callable[[], int]) -> Iterator[Drilled]:
    """A checkout in mode local, its programs linked."""
    settings = checkout(folder, {"MODE": "local", **ports(free_port)})
    link_programs(settings.root)
    drilled = Drilled(settings)
    try:
        yield drilled
    finally:
        run_stack(folder, "down")


@contextmanager
def compose(folder: Path, free_port: Callable[[], int]) -> Iterator[Drilled]:
    """A checkout in mode compose; its containers and volumes are removed at the end."""
    name = derived_name(folder)
    image = f"strataregula/benchmark-exporter:{name}"
    values = {"MODE": "compose", "EXPORTER_IMAGE": image, **stand_in_images(), **trust()}
    settings = checkout(folder, {**values, **ports(free_port)})
    down = ["docker", "compose", "--project-name", name, "down", "--volumes", "--remove-orphans"]
    remove_image = ["docker", "image", "rm", image]
    at_end = [guardian.at_end(name, down), guardian.at_end(f"then-{name}", remove_image)]
    try:
        yield Drilled(settings)
    finally:
        for command in (down, remove_image):
            subprocess.run(command, capture_output=True, check=False)
        for path in at_end:
            path.unlink()


def backup_noted(drilled: Drilled) -> Mapping[str, float]:
    """What node_exporter shows of the newest backup."""
    text = get_text(NODE_EXPORTER.url(settings_again(drilled), "/metrics"))
    shown = (line.split() for line in text.splitlines() if line.startswith("stack_backup_"))
    return {name: float(value) for name, value in shown}


def destroy(drilled: Drilled) -> Mapping[str, bytes]:
    """Remove all that a disaster takes: what was stored, settings, secrets, own dashboards.

    Gives the settings, as they were.
    """
    root = drilled.root
    env = (root / ".env").read_bytes()
    drilled.run("clean", "--yes")
    programs = (root / ".local/programs").resolve()
    shutil.rmtree(root / ".local")
    for secret in (root / "secrets").iterdir():
        if secret.name != "README.md":
            shutil.rmtree(secret) if secret.is_dir() else secret.unlink()
    (root / ".env").unlink()
    for dashboard in (root / "grafana/dashboards.d").glob("*.json"):
        dashboard.unlink()
    if programs.is_dir():
        link_programs(root)
    return {".env": env}


def settings_again(drilled: Drilled) -> Settings:
    """The settings that the checkout has now."""
    return load(drilled.root, environ={})


def resets(drilled: Drilled) -> dict[str, float]:
    """How often the ledger's counters have fallen, as Prometheus saw it; those that never did not.

    Of the exporter's counters these are the ones that outlive its process.
    """
    names = f"{INGESTED}|benchmark_verdicts_total|ci_pipeline_runs_total"
    words = f'resets({{__name__=~"{names}"}}[1h]) > 0'
    series = query(drilled.settings, words)
    return {json.dumps(one["metric"]): float(one["value"][1]) for one in series}


def samples(drilled: Drilled, at_seconds: float) -> list[Any]:
    """Every sample of the exporter's job in the hour before a time."""
    url = PROMETHEUS.url(
        drilled.settings,
        f"/api/v1/query?time={at_seconds:.3f}&query=%7Bjob%3D%22benchmark-exporter%22%7D%5B1h%5D",
    )
    found: list[Any] = get(url)["data"]["result"]
    return sorted(found, key=lambda one: json.dumps(one["metric"], sort_keys=True))
