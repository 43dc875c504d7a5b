"""Runs any command, unchanged: streams its CPU and memory each second, and records it at its end.

The command shares this program's process group, terminal and files, as if it had been started in
its place. So what a terminal sends (Ctrl-C, Ctrl-Z) reaches it anyway, and only signals sent to
this process alone are forwarded.
"""

import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import psutil

from benchmark_exporter.client.command_run import Ended, Finished, RunSettings
from benchmark_exporter.client.files import RunFiles, new_run_id, timestamp
from benchmark_exporter.client.monitored_run import MEGABYTE, RUN_VARIABLE, SCHEMA
from benchmark_exporter.client.phase_folder import phase_folder
from benchmark_exporter.client.process_tree import ProcessTree
from benchmark_exporter.client.provenance import RESULTS_VARIABLE
from benchmark_exporter.client.usage import peak_resident_bytes
from benchmark_exporter.wording import printable

EXIT_CANNOT_START, EXIT_NOT_FOUND = 126, 127
PHASE_VARIABLE = "BENCHMARK_PHASE_FILE"
PHASE = "run"
MAX_PHASE_BYTES = 100
INTERVAL_SECONDS = 1.0
# The first sample comes early, so that a short command has one.
FIRST_SAMPLE_SECONDS = 0.1
# A sample may cost this fraction (one hundredth) of the time until the next. Its cost grows with
# the number of processes on the machine.
SHARE = 100

_ENDS = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT}
_FORWARDED = _ENDS | {signal.SIGUSR1, signal.SIGUSR2, signal.SIGTSTP, signal.SIGCONT}
_HANDLED = _FORWARDED | {signal.SIGCHLD}
# With these a terminal stops a whole job, and its shell waits until this process is stopped too.
# SIGSTOP is meant for the command alone.
_JOB_STOPS = {signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU}


def run(command: Sequence[str], settings: RunSettings) -> Finished:
    """Runs the command to its end. What cannot be recorded is reported on standard error."""
    with phase_folder() as folder:
        return _run(command, settings, folder / "phase")


def _run(command: Sequence[str], settings: RunSettings, phase_path: Path) -> Finished:
    try:
        return _Run(command, settings, phase_path).run()
    except FileNotFoundError:
        return _not_started(
            EXIT_NOT_FOUND,
            f"{command[0]}: command not found; "
            "is it on PATH, and does the program in its #! line exist?",
        )
    except OSError as error:
        return _not_started(EXIT_CANNOT_START, f"{command[0]}: cannot be started: {error.strerror}")


def _not_started(status: int, reason: str) -> Finished:
    _warn(reason)
    return Finished(status)


def _warn(text: str) -> None:
    # A standard error that nobody reads must not change the command's exit status.
    with suppress(OSError, ValueError):
        print(f"benchmark-exporter run: {printable(text)}", file=sys.stderr, flush=True)


class _Run:
    def __init__(self, command: Sequence[str], settings: RunSettings, phase_path: Path) -> None:
        self._command = command
        self._settings = settings
        self._phase_path = phase_path
        self._run_id = new_run_id()
        self._peaks_bytes: dict[str, int] = {}
        self._interrupting = False

    def run(self) -> Finished:
        """Raises OSError if the command cannot be started."""
        # Signals are read from a queue, not handled: none interrupts at a bad moment, none is lost.
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, _HANDLED)
        try:
            self._timestamp, self._begun = timestamp(), time.monotonic()
            self._earlier_peak_bytes = peak_resident_bytes()
            # Python ignores SIGPIPE and SIGXFSZ, which the command does not expect.
            self._process_id = os.posix_spawnp(
                self._command[0],
                list(self._command),
                self._environment(),
                setsigmask=mask,
                setsigdef=[signal.SIGPIPE, signal.SIGXFSZ],
            )
            self._files = RunFiles(self._settings.results_dir, self._run_id, _warn)
            self._write_start()
            ended = self._follow()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        end = {
            "status": ended.status,
            "error": ended.error,
            "exit_status": ended.exit_status,
            "duration_seconds": ended.wall_seconds,
        }
        self._files.append("end", end)
        self._files.close()
        path = None
        if self._settings.document and ended.status != "interrupted":
            path = self._files.publish(self._document(ended))
        return Finished(ended.exit_status, ended, path, self._peak_bytes(ended))

    def _environment(self) -> Mapping[str, str]:
        return os.environ | {
            RUN_VARIABLE: self._run_id,
            RESULTS_VARIABLE: str(self._settings.results_dir),
            PHASE_VARIABLE: str(self._phase_path),
        }

    def _write_start(self) -> None:
        provenance = self._settings.provenance
        start = {
            "run_id": self._run_id,
            "benchmark": self._benchmark,
            "project": provenance.project,
            "environment": provenance.environment,
            "commit_hash": provenance.commit,
            "branch": provenance.branch,
            "iterations": None,
            "process": self._process_name,
            "pid": self._process_id,
        }
        self._files.append("start", start)

    @property
    def _benchmark(self) -> str:
        # A prefix keeps it apart from benchmarks that the command itself may record.
        return f"run/{self._settings.name}"

    @property
    def _process_name(self) -> str:
        return Path(self._command[0]).name

    def _follow(self) -> Ended:
        """Forwards signals and samples the process tree until the command has ended."""
        tree = ProcessTree(self._process_id)
        psutil.cpu_percent(percpu=True)  # the first call has no earlier one to compare with
        sampled, cpu_seconds = self._begun, 0.0
        due = self._begun + FIRST_SAMPLE_SECONDS
        while True:
            arrived = signal.sigtimedwait(_HANDLED, max(0.0, due - time.monotonic()))
            if arrived is not None and arrived.si_signo != signal.SIGCHLD:
                self._forward(arrived)
            elif arrived is not None and (ended := self._wait()) is not None:
                return ended
            now = time.monotonic()
            if now < due:
                continue
            with suppress(psutil.Error):  # it has just ended, and SIGCHLD is pending
                usage = tree.measure()
                percent = 100 * (usage.cpu_seconds - cpu_seconds) / (now - sampled)
                sampled, cpu_seconds = now, usage.cpu_seconds
                self._write_sample(usage.resident_bytes, percent)
            due = now + max(INTERVAL_SECONDS, SHARE * (time.monotonic() - now))

    def _forward(self, arrived: signal.struct_siginfo) -> None:
        self._interrupting |= arrived.si_signo in _ENDS
        # Above 0, the kernel has sent it for a terminal, to the command as well.
        if arrived.si_code <= 0 and arrived.si_pid != self._process_id:
            os.kill(self._process_id, arrived.si_signo)

    def _wait(self) -> Ended | None:
        process_id, wait_status, used = os.wait4(self._process_id, os.WNOHANG | os.WUNTRACED)
        if process_id == 0:
            return None
        if os.WIFSTOPPED(wait_status):
            if os.WSTOPSIG(wait_status) in _JOB_STOPS:
                os.kill(os.getpid(), signal.SIGSTOP)  # until the shell continues both
            return None
        code = os.waitstatus_to_exitcode(wait_status)
        return Ended(
            exit_status=code if code >= 0 else 128 - code,
            signal_name=None if code >= 0 else _signal_name(-code),
            interrupted=self._interrupting,
            wall_seconds=time.monotonic() - self._begun,
            cpu_seconds=used.ru_utime + used.ru_stime,
            largest_process_bytes=used.ru_maxrss * 1024,
        )

    def _write_sample(self, resident_bytes: int, cpu_percent: float) -> None:
        phase = self._phase()
        self._peaks_bytes[phase] = max(self._peaks_bytes.get(phase, 0), resident_bytes)
        sample = {
            "process": self._process_name,
            "phase": phase,
            "memory_mb": resident_bytes / MEGABYTE,
            "peak_memory_mb": self._peaks_bytes[phase] / MEGABYTE,
            "cpu_percent": round(cpu_percent, 1),
            "cores": {
                str(core): percent for core, percent in enumerate(psutil.cpu_percent(percpu=True))
            },
        }
        self._files.append("sample", sample)

    def _phase(self) -> str:
        """What the command last wrote to the file that PHASE_VARIABLE names, else PHASE."""
        try:
            with self._phase_path.open("rb") as file:
                text = file.read(MAX_PHASE_BYTES).decode(errors="replace").strip()
        except OSError:
            return PHASE
        return text.partition("\n")[0] or PHASE

    def _document(self, ended: Ended) -> Mapping[str, object]:
        provenance = self._settings.provenance
        return {
            "schema": SCHEMA,
            "timestamp": self._timestamp,
            "run_id": self._run_id,
            "project": provenance.project,
            "environment": provenance.environment,
            "commit": provenance.commit,
            "branch": provenance.branch,
            "machine": asdict(self._settings.machine),
            "duration_seconds": ended.wall_seconds,
            "results": self._results(ended) if ended.exit_status == 0 else [],
            "failures": []
            if ended.error is None
            else [{"benchmark": self._benchmark, "error": ended.error}],
        }

    def _peak_bytes(self, ended: Ended) -> int:
        peak_bytes = max(self._peaks_bytes.values(), default=0)
        # Before its exec the command was this program, whose memory is in its figure too (`time`
        # has the same flaw): only a larger figure is the command's.
        if ended.largest_process_bytes > self._earlier_peak_bytes:
            peak_bytes = max(peak_bytes, ended.largest_process_bytes)
        return peak_bytes

    def _results(self, ended: Ended) -> list[dict[str, object]]:
        values = {"wall": (ended.wall_seconds, "seconds"), "cpu": (ended.cpu_seconds, "seconds")}
        if peak_bytes := self._peak_bytes(ended):
            values["peak_memory"] = (peak_bytes, "bytes")
        if self._peaks_bytes.keys() - {PHASE}:
            values |= {
                f"peak_memory/{phase}": (peak, "bytes") for phase, peak in self._peaks_bytes.items()
            }
        return [
            {"benchmark": self._benchmark, "variant": variant, "unit": unit, "samples": [value]}
            for variant, (value, unit) in values.items()
        ]


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"
