"""The stack as plain processes of this user. Everything they store is in .local/."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import psutil

from stack import (
    grafana_folder,
    high_availability,
    internal,
    long_term,
    orphans,
    parts,
    prometheus_folder,
    proxy,
    sent_notes,
)
from stack.log_excerpt import excerpt
from stack.processes import Processes, local_parts
from stack.programs import EXPORTER_ALONE_NAMES, NAMES, Programs
from stack.record import Placement
from stack.settings import (
    EXPORTER,
    PROMETHEUS,
    VICTORIAMETRICS,
    Part,
    Settings,
    StackError,
)
from stack.supervisor import Supervisor

STOP_SECONDS = 20.0
# Of a log's end, what a part's last words are looked for in.
LOG_TAIL_BYTES = 65_536
# What supervisor's states mean to a user.
STATES = {"RUNNING": "running", "STARTING": "running", "STOPPED": "stopped", "EXITED": "failed"}
# What of .local/ is not data: programs can be fetched again, tools are those of tests.
NOT_STORED = ("programs", "programs.lock", "tools")


class LocalStack:
    """The stack of one checkout as processes."""

    mode = "local"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._folder = settings.state_dir
        names = EXPORTER_ALONE_NAMES if parts.is_exporter_alone(settings) else tuple(NAMES)
        self._programs = Programs(self._folder / "programs", names)
        self._supervisor = Supervisor(self._folder, settings.root)
        self.processes = Processes(settings, self._programs)

    def parts(self) -> Sequence[Part]:
        """What this stack has: Grafana only where it is installed."""
        added = (*long_term.parts(self._settings), *high_availability.added(self._settings))
        return [*local_parts(self._settings), *added]

    def placement(self) -> Placement:
        """What other commands have to know of it."""
        command = (sys.executable, "-m", "benchmark_exporter")
        return Placement(self.mode, tuple(self.parts()), self.processes.ledger, command)

    def fetch(self) -> Iterator[str]:
        """Fetch the programs that are missing; yields what is done.

        Raises:
            StackError: a program cannot be had.
        """
        if missing := self._programs.missing():
            yield f"fetching {', '.join(missing)} into {self._folder.name}/programs (once)"
            self._programs.fetch()
        if long_term.is_on(self._settings):
            yield from self.processes.long_term.fetch()

    def missing_programs(self) -> list[str]:
        """What `fetch` would fetch."""
        kept = long_term.is_on(self._settings)
        return self._programs.missing() + (self.processes.long_term.missing() if kept else [])

    def up(self) -> Iterator[str]:
        """Start what does not run, restart what has changed; yields what is done.

        Raises:
            StackError: a program is not there, or supervisor does not start.
        """
        yield from self.render()
        self._supervisor.write_configuration(self.processes.all())
        if self._supervisor.is_running():
            self._supervisor.update()
        else:
            yield from sent_notes.forget_future(self._settings, time.time())
            self._supervisor.start()

    def down(self) -> Iterator[str]:
        """Stop every process, and return when all have gone."""
        if self._supervisor.is_running():
            _, alive = psutil.wait_procs(self._supervisor.shutdown(), timeout=STOP_SECONDS)
            yield from self._end(alive)
        yield from self.end_orphans()

    def certificate_authority(self) -> Path | None:
        """The root certificate of the proxy's own authority, if it has one."""
        root = self.processes.proxy_data / proxy.ROOT_CERTIFICATE
        return root if proxy.has_authority(self._settings) and root.exists() else None

    def render(self) -> Iterator[str]:
        """Write the configurations, Alertmanager's of the channels that have a secret.

        Yields a line for each channel.

        Raises:
            StackError: a configuration cannot be written.
        """
        proxy.write(self._settings, self.processes.proxy_place())
        if parts.is_exporter_alone(self._settings):
            return
        argv, here = self.processes.argv("prometheus"), self.parts()
        for part in high_availability.members(PROMETHEUS, self._settings):
            prometheus_folder.lay_out(self._settings, self._made(part.name), here, argv, part)
        grafana_folder.lay_out(self._settings)
        long_term.write(self._settings, internal.address(VICTORIAMETRICS, self._settings))
        yield from self._render_alertmanager()

    def _render_alertmanager(self) -> Iterator[str]:
        alertmanager = self._settings.root / "alertmanager"
        values = self._settings.values.items()
        done = self._run(
            str(alertmanager / "render.py"),
            f"--config={alertmanager / 'alertmanager.yml'}",
            f"--templates={alertmanager / 'templates'}",
            f"--secrets-dir={self._settings.secrets_dir}",
            f"--exporter-url={internal.url(EXPORTER, self._settings)}",
            f"--output={self._made('alertmanager') / 'alertmanager.yml'}",
            environment={
                name: value
                for name, value in values
                if name.startswith(("PAGERDUTY_", "SMTP_", "ALERT_"))
            },
        )
        if done.returncode:
            raise StackError(f"{done.stdout}{done.stderr}".rstrip())
        yield from done.stdout.splitlines()

    def states(self) -> Mapping[str, str]:
        """Whether each part is running, stopped or failed, or unsupervised.

        Unsupervised is a process whose supervisor was killed, or cannot be reached since the
        state folder was removed.
        """
        supervised = {state.name: state.state for state in self._supervisor.processes()}
        known = {name: STATES.get(state, "failed") for name, state in supervised.items()}
        left = {name for _, name in orphans.find(self._settings)} if not supervised else set()
        without = {part.name: "stopped" for part in self.parts()}
        return without | dict.fromkeys(left, "unsupervised") | known

    def own_ports(self) -> set[int]:
        """The ports on which this stack's processes listen."""
        ports = set()
        for process in self._supervisor.descendants():
            try:
                ports |= {
                    connection.laddr.port
                    for connection in process.net_connections("tcp")
                    if connection.status == psutil.CONN_LISTEN
                }
            except psutil.Error:
                continue
        return ports

    def logs(self, part: str | None, *, follow: bool) -> None:
        """Show the newest lines of the logs, and with `follow` what is added to them."""
        files = sorted((self._folder / "logs").glob(f"{part or '*'}.log"))
        if not files:
            of = f" of {part}" if part else ""
            raise StackError(f"there is no log{of} yet; `make up` starts the stack")
        command = ["tail", "-n", "50", *(["-F"] if follow else []), *map(str, files)]
        subprocess.run(command, check=False)

    def last_words(self, part: Part) -> list[str]:
        """The lines of a part's log that say why it does not run."""
        return excerpt(self.newest_lines(part))

    def newest_lines(self, part: Part) -> list[str]:
        """The end of a part's log; empty if it has none."""
        log = self._folder / "logs" / f"{part.name}.log"
        if not log.exists():
            return []
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - LOG_TAIL_BYTES))
            return file.read().decode(errors="replace").splitlines()

    def exporter_command(self, *words: str) -> str:
        """Run `benchmark-exporter` with the exporter's ledger, and give what it prints.

        Raises:
            StackError: it fails; the message has its reason.
        """
        done = self._run("-m", "benchmark_exporter", *words, f"--ledger={self.processes.ledger}")
        if done.returncode:
            raise StackError(f"benchmark-exporter {' '.join(words)}: {done.stderr.strip()}")
        return done.stdout

    def stored(self) -> list[str]:
        """What `clean` would remove, as a user knows it."""
        added = (part.name for part in (*high_availability.ADDED, VICTORIAMETRICS))
        servers = ("exporter", "prometheus", "alertmanager", *added, "grafana")
        stored = (*servers, "proxy-data", "logs")
        name = self._folder.name
        return [f"{name}/{each}" for each in stored if (self._folder / each).exists()]

    def clean(self) -> None:
        """Remove everything that the processes have stored. The programs stay.

        Raises:
            StackError: something cannot be removed.
        """
        for path in self._folder.iterdir() if self._folder.exists() else ():
            if path.name in NOT_STORED:
                continue
            try:
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
            except OSError as error:
                raise StackError(
                    f"{error.filename}: cannot be removed: {error.strerror}"
                ) from error

    def check(self) -> Iterator[str]:
        """Check the configuration by the programs' own tools; yields what they say.

        Raises:
            StackError: a tool finds a mistake.
        """
        yield from self.fetch()
        yield from self.render()
        if parts.is_exporter_alone(self._settings):
            yield "PARTS=exporter has neither rules nor routes to check"
            return
        prometheus = str(self._folder / "prometheus/prometheus.yml")
        alertmanager = str(self._folder / "alertmanager/alertmanager.yml")
        for tool, arguments in (
            ("promtool", ["check", "config", prometheus]),
            ("amtool", ["check-config", alertmanager]),
        ):
            command = [*self.processes.argv(tool), *arguments]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                words = " ".join(arguments[:-1])
                raise StackError(f"{tool} {words}:\n{done.stdout}{done.stderr}")
            yield from (line.strip() for line in done.stdout.splitlines() if line.strip())

    def end_orphans(self) -> Iterator[str]:
        """End what cannot be reached any more; yields a line for each process.

        A supervisor is first, since it starts again what is ended.
        """
        known_id = self._supervisor.process_id()
        yield from self._end(orphans.supervisors(self._settings, known_id))
        if not known_id:
            yield from self._end([process for process, _ in orphans.find(self._settings)])

    def _end(self, processes: Sequence[psutil.Process]) -> Iterator[str]:
        for process in processes:
            yield f"ending process {process.pid}, which `make` can no longer reach"
            process.terminate()
        _, alive = psutil.wait_procs(processes, timeout=STOP_SECONDS)
        for process in alive:
            process.kill()
        psutil.wait_procs(alive, timeout=STOP_SECONDS)

    def _made(self, name: str) -> Path:
        folder = self._folder / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _run(
        self, *words: str, environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *words],
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
