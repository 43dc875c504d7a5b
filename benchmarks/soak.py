"""Run the whole stack under steady load and check it: `python -m benchmarks.soak`.

Results, live runs, stream clients, alerts, reloads and kills, for 20 minutes unless SOAK_MINUTES or
--minutes says otherwise. See benchmarks/README.md. Ctrl-C ends it and leaves nothing running.
"""

import argparse
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import soak_checks, soak_report
from benchmarks.report import RESULTS, progress
from benchmarks.soak_disturbance import Disturbances
from benchmarks.soak_incidents import Incidents
from benchmarks.soak_load import Account, LiveRuns, ResultWriter, StreamClients, Worker
from benchmarks.soak_samples import Sampler
from stack.programs import Programs
from stack.settings import EXPORTER, ROOT, STATE, STREAM
from tests import guardian
from tests.conftest import find_free_port
from tests.stack.backends import Local, run_local
from tests.stack.channels import configured_channels

FILES_PER_SECOND = 8.0
PROGRESS_SECONDS = 30.0
# What was written is counted, and shown, after that long at the latest.
COUNTED_SECONDS = 120.0
INTERRUPTED = 130


@dataclass(slots=True)
class Outcome:
    """Whether everything held, and the page that says so."""

    faults: list[str]
    page: str


class Soak:
    """One soak of a stack that is up. `interrupted` ends it early."""

    def __init__(
        self, backend: Local, options: argparse.Namespace, interrupted: threading.Event
    ) -> None:
        self._backend = backend
        self._options = options
        self._seconds = options.minutes * 60
        self._interrupted = interrupted
        # Sampling and disturbing end after the load.
        self._stop_load, self._stop = threading.Event(), threading.Event()
        self.account = Account()

    def run(self) -> Outcome | None:
        """Put the stack under load, then check it; None if that was interrupted."""
        with configured_channels(self._backend) as channels:
            settings, seed = self._backend.settings, self._options.seed
            results = settings.results_dir
            sampler = Sampler(
                self._backend,
                lambda: self.account.kept_files,
                self._stop,
                interval_seconds=max(1.0, min(5.0, self._seconds / 60)),
            )
            disturbances = Disturbances(self._backend, self._seconds, seed, self._stop_load)
            incidents = Incidents(
                results, self.account, channels.pagerduty.inbox.all, self._stop_load
            )
            clients = StreamClients(f"{STREAM.url(settings, '/stream')}", self._stop_load, seed)
            load: list[Worker] = [
                ResultWriter(
                    results, self.account, self._stop_load, rate=FILES_PER_SECOND, seed=seed
                ),
                LiveRuns(results, self.account, self._stop_load),
                clients,
                incidents,
                disturbances,
            ]
            started = time.time()
            if not self._load(load, sampler):
                return None
            return self._check(started, sampler, disturbances, incidents, clients)

    def _load(self, load: Sequence[Worker], sampler: Sampler) -> bool:
        """Run the load for its time; whether it was not interrupted."""
        workers = [sampler, *load]
        for worker in workers:
            worker.start()
        try:
            end, shown = time.monotonic() + self._seconds, time.monotonic()
            while (left := end - time.monotonic()) > 0 and not self._interrupted.wait(
                min(1.0, left)
            ):
                self._raise_failure(workers)
                if time.monotonic() - shown >= PROGRESS_SECONDS:
                    shown = time.monotonic()
                    progress(f"{left / 60:.1f} minutes left, {self.account.kept_files:,} files")
        finally:
            self._stop_load.set()
            for worker in load:
                worker.join()
            self._stop.set()
            sampler.join()
        self._raise_failure(workers)
        return not self._interrupted.is_set()

    def _raise_failure(self, workers: Sequence[Worker]) -> None:
        for worker in workers:
            if worker.failed is not None:
                raise RuntimeError(f"{worker.name} failed") from worker.failed

    def _check(
        self,
        started: float,
        sampler: Sampler,
        disturbances: Disturbances,
        incidents: Incidents,
        clients: StreamClients,
    ) -> Outcome:
        progress("waiting until everything is counted")
        deadline = time.monotonic() + COUNTED_SECONDS
        wanted = soak_checks.wanted(self.account)
        while soak_checks.counted(self._backend) != wanted and time.monotonic() < deadline:
            time.sleep(1)
        soak_checks.wait_until_scraped(self._backend, time.time())
        kills = disturbances.kills
        quiet_after = max((kill.at_seconds - started for kill in kills), default=0.0)
        growths = soak_checks.growth(sampler.samples, quiet_after)
        checks = [
            *soak_checks.check_counts(self._backend, self.account),
            *soak_checks.check_resets(
                self._backend, time.time() - started, sum(kill.part is EXPORTER for kill in kills)
            ),
            *soak_checks.check_alerts(incidents, kills),
            soak_checks.Check("reloads", f"{disturbances.reloads}"),
            soak_checks.Check("messages read by clients of the stream", f"{clients.messages:,}"),
        ]
        faults = [f"{check.what}: {fault}" for check in checks for fault in check.faults]
        faults += [
            f"{part}: {name} grew by {growth.growth:,.0f}, allowed are {growth.allowed:,.0f}"
            for (part, name), growth in growths.items()
            if growth is not None and growth.is_leak
        ]
        output: Path = self._options.output
        output.parent.mkdir(parents=True, exist_ok=True)
        picture = output.with_suffix(".png")
        soak_report.draw(
            picture,
            sampler.samples,
            [(kill.at_seconds - started, kill.part) for kill in kills],
        )
        page = soak_report.table(
            f"python -m benchmarks.soak --minutes={self._options.minutes:g} "
            f"--seed={self._options.seed}",
            self._seconds,
            checks,
            growths,
            sampler.samples,
            kills,
            kept_files=self.account.kept_files,
            picture=picture.name,
        )
        output.write_text(page, encoding="utf-8")
        return Outcome(faults, page)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it, print and write the table and the picture; return the exit status."""
    options = _parser().parse_args(arguments)
    print(f"seed {options.seed}: --seed={options.seed} repeats the kills", flush=True)
    with (
        _interruptible() as interrupted,
        tempfile.TemporaryDirectory(prefix="soak-", dir=options.work) as folder,
    ):
        # If even this process is killed, the guardian ends what it started.
        at_end = tempfile.mkdtemp(prefix="soak-end-")  # the guardian removes it
        os.environ["STRATAREGULA_AT_END"] = at_end
        guardian.start(Path(at_end))
        progress("starting the stack in a copy of this checkout")
        programs = Programs(ROOT / STATE / "programs")
        if programs.missing():
            (ROOT / STATE).mkdir(exist_ok=True)
            programs.fetch()
        outcome = None
        try:
            for backend in run_local(Path(folder) / "checkout", find_free_port):
                outcome = Soak(backend, options, interrupted).run()
                progress("stopping the stack")
        except Exception:
            # A terminal's Ctrl-C also ends the command that was running.
            if not interrupted.is_set():
                raise
    if outcome is None:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    print(outcome.page)
    for fault in outcome.faults:
        print(f"FAILED: {fault}", file=sys.stderr)
    return 1 if outcome.faults else 0


@contextmanager
def _interruptible() -> Iterator[threading.Event]:
    """Give an event that Ctrl-C and SIGTERM set, instead of ending this process midway."""
    interrupted = threading.Event()

    def interrupt(*_: object) -> None:
        if not interrupted.is_set():
            progress("stopping everything; this takes some seconds")
        interrupted.set()

    before = {
        number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield interrupted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument(
        "--minutes",
        type=float,
        default=float(os.environ.get("SOAK_MINUTES") or 20),
        metavar="N",
        help="how long (%(default)s; SOAK_MINUTES)",
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=int(os.environ.get("SOAK_SEED") or random.SystemRandom().randrange(10**6)),
        metavar="N",
        help="what kills, reloads and results follow from (random; SOAK_SEED)",
    )
    parser.add_argument(
        "--work",
        type=Path,
        metavar="DIR",
        help="where the temporary checkout is made (the system's folder for temporary files)",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=RESULTS / "soak.md",
        metavar="FILE",
        help="file for the table; the picture is put next to it (%(default)s)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
