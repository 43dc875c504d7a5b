"""The stack as plain processes of this user, kept alive by supervisor. Everything they store is in .local/."""

import os
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import psutil
import yaml

from stack.prepare import GITHUB_WEBHOOK_SECRET, GRAFANA_PASSWORD, UPLOAD_TOKENS
from stack.programs import Programs
from stack.settings import (
    ALERTMANAGER,
    EXPORTER,
    GRAFANA,
    NODE_EXPORTER,
    PARTS,
    PROMETHEUS,
    STREAM,
    Part,
    Settings,
    StackError,
)

STOP_SECONDS = 20.0
# Longest path of a Unix socket, with room for the suffix that supervisor adds while it makes one.
SOCKET_PATH_LENGTH = 90
# Whose addresses prometheus.yml takes from its environment; Prometheus knows its own.
LINKED_BY_ALERTS = (ALERTMANAGER, EXPORTER, GRAFANA)
# Fails at once this often in a row before it is given up, with a second more between two tries each time.
START_RETRIES = 30


@dataclass(frozen=True, slots=True)
class Process:
    """A process of the stack, and the variables that it gets beside those of the user."""

    part: Part
    argv: Sequence[str]
    environment: Mapping[str, str]


class LocalStack:
    """The stack of one checkout as processes."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._folder = settings.state_dir
        self._programs = Programs(self._folder / "programs")
        self._supervisor_configuration = self._folder / "supervisord.conf"

    def parts(self) -> Sequence[Part]:
        """What this stack has: Grafana only where it is installed."""
        return [part for part in PARTS if part is not GRAFANA or _grafana() is not None]

    def up(self) -> Iterator[str]:
        """Start what does not run, restart what has changed; yields what is done.

        Raises:
            StackError: a program cannot be had, a port is taken, or supervisor does not start.
        """
        if missing := self._programs.missing():
            yield f"fetching {', '.join(missing)} into {self._folder.name}/programs (once)"
            self._programs.fetch()
        yield from self.render()
        self._write_targets()
        self._write_supervisor_configuration()
        if self._is_running():
            self._supervisorctl("update")
            return
        yield from self._end(self._orphans())
        if taken := [
            line
            for part in (*self.parts(), STREAM)
            if (line := _who_has(self._settings, part)) is not None
        ]:
            raise StackError("\n".join(taken))
        done = self._run("-m", "supervisor.supervisord", "-c", str(self._supervisor_configuration))
        if done.returncode:
            raise StackError(f"supervisor does not start:\n{done.stdout}{done.stderr}")

    def down(self) -> Iterator[str]:
        """Stop every process, and return when all have gone."""
        if self._is_running():
            supervisor = psutil.Process(int((self._folder / "supervisord.pid").read_text()))
            processes = [supervisor, *supervisor.children(recursive=True)]
            self._supervisorctl("shutdown")
            _, alive = psutil.wait_procs(processes, timeout=STOP_SECONDS)
            yield from self._end(alive)
        yield from self._end(self._orphans())

    def render(self) -> Iterator[str]:
        """Write Alertmanager's configuration from the channels that have a secret; yields a line for each channel.

        Raises:
            StackError: the configuration cannot be written.
        """
        alertmanager = self._settings.root / "alertmanager"
        done = self._run(
            str(alertmanager / "render.py"),
            f"--config={alertmanager / 'alertmanager.yml'}",
            f"--templates={alertmanager / 'templates'}",
            f"--secrets-dir={self._settings.secrets_dir}",
            f"--exporter-url={EXPORTER.url(self._settings)}",
            f"--output={self._made('alertmanager') / 'alertmanager.yml'}",
            environment={
                name: value
                for name, value in self._settings.values.items()
                if name.startswith(("PAGERDUTY_", "SMTP_", "ALERT_"))
            },
        )
        if done.returncode:
            raise StackError(f"alertmanager/alertmanager.yml: {done.stdout}{done.stderr}".rstrip())
        yield from done.stdout.splitlines()

    def process_lines(self) -> Iterator[str]:
        """What supervisor says of each process."""
        if self._is_running():
            yield from self._supervisorctl("status").splitlines()

    def logs(self, part: str | None, *, follow: bool) -> None:
        """Show the newest lines of the logs, and what is added to them."""
        files = sorted((self._folder / "logs").glob(f"{part or '*'}.log"))
        if not files:
            raise StackError(
                f"there is no log{f' of {part}' if part else ''} yet; `make up` starts the stack"
            )
        subprocess.run(
            ["tail", "-n", "50", *(["-F"] if follow else []), *map(str, files)], check=False
        )

    def last_words(self, part: Part, count: int = 5) -> list[str]:
        """The newest log lines of a part."""
        log = self._folder / "logs" / f"{part.name}.log"
        return (
            log.read_text(encoding="utf-8", errors="replace").splitlines()[-count:]
            if log.exists()
            else []
        )

    def exporter_command(self, *words: str) -> str:
        """Run `benchmark-exporter` beside the exporter's ledger, and give what it prints.

        Raises:
            StackError: it fails; the message has its reason.
        """
        done = self._run("-m", "benchmark_exporter", *words, f"--ledger={self._ledger()}")
        if done.returncode:
            raise StackError(f"benchmark-exporter {' '.join(words)}: {done.stderr.strip()}")
        return done.stdout

    def clean(self) -> None:
        """Remove everything that the processes have stored. The programs stay."""
        for folder in self._folder.iterdir():
            if folder.name != "programs":
                shutil.rmtree(folder) if folder.is_dir() else folder.unlink()

    def check(self) -> Iterator[str]:
        """Check the configuration by the programs' own tools; yields what they say.

        Raises:
            StackError: a tool finds a mistake.
        """
        if self._programs.missing():
            yield "fetching the programs that check the configuration (once)"
            self._programs.fetch()
        yield from self.render()
        self._write_targets()
        for tool, arguments in (
            ("promtool", ["check", "config", str(self._folder / "prometheus/prometheus.yml")]),
            ("amtool", ["check-config", str(self._folder / "alertmanager/alertmanager.yml")]),
        ):
            done = subprocess.run(
                [*self._argv(tool), *arguments], capture_output=True, text=True, check=False
            )
            if done.returncode:
                raise StackError(f"{tool} {' '.join(arguments[:-1])}:\n{done.stdout}{done.stderr}")
            yield from (line.strip() for line in done.stdout.splitlines() if line.strip())

    def _orphans(self) -> list[psutil.Process]:
        """Processes of this stack whose supervisor was killed: known by the folders that they alone store in."""
        marks = (
            f"--ledger={self._folder}/",
            f"--storage.tsdb.path={self._folder}/",
            f"--storage.path={self._folder}/",
            f"--collector.textfile.directory={self._settings.root}/",
        )
        return [
            process
            for process in psutil.process_iter(["cmdline"])
            if any(argument.startswith(marks) for argument in process.info["cmdline"] or ())
        ]

    def _end(self, processes: Sequence[psutil.Process]) -> Iterator[str]:
        for process in processes:
            yield f"ending process {process.pid}, which nothing looks after any more"
            process.terminate()
        _, alive = psutil.wait_procs(processes, timeout=STOP_SECONDS)
        for process in alive:
            process.kill()
        psutil.wait_procs(alive, timeout=STOP_SECONDS)

    def _processes(self) -> Iterator[Process]:
        settings, root = self._settings, self._settings.root
        bind = settings["BIND_ADDRESS"]
        exporter = [sys.executable, "-m", "benchmark_exporter", "serve"]
        exporter += [
            f"--listen={bind}:{settings.port(EXPORTER)}",
            f"--results-dir={settings.results_dir}",
        ]
        exporter += [f"--stream-listen={bind}:{settings.port(STREAM)}"]
        exporter += [
            f"--ledger={self._ledger()}",
            f"--config={root / 'exporter/benchmark_exporter/config.yaml'}",
        ]
        exporter += [
            f"--runbooks-dir={root / 'docs/runbooks'}",
            f"--environment={settings['BENCHMARK_ENVIRONMENT']}",
        ]
        exporter += [f"--upload-tokens={settings.secrets_dir / UPLOAD_TOKENS}"]
        exporter += [f"--github-webhook-secret={settings.secrets_dir / GITHUB_WEBHOOK_SECRET}"]
        linked = [part for part in (*self.parts(), STREAM) if part is not NODE_EXPORTER]
        exporter += [f"--{part.name}-url={settings.public_url(part)}" for part in linked]
        yield Process(EXPORTER, exporter, {})
        prometheus = [
            *self._argv("prometheus"),
            f"--config.file={self._folder / 'prometheus/prometheus.yml'}",
            f"--storage.tsdb.path={self._made('prometheus') / 'data'}",
            f"--storage.tsdb.retention.time={settings['PROMETHEUS_RETENTION_TIME']}",
            f"--storage.tsdb.retention.size={settings['PROMETHEUS_RETENTION_SIZE']}",
            "--storage.tsdb.wal-compression",
            "--web.enable-lifecycle",
            "--web.enable-remote-write-receiver",
            "--enable-feature=expand-external-labels",
            f"--web.listen-address={bind}:{settings.port(PROMETHEUS)}",
            f"--web.external-url={settings.public_url(PROMETHEUS)}",
            "--web.route-prefix=/",
        ]
        yield Process(
            PROMETHEUS,
            prometheus,
            {part.public_url_setting: settings.public_url(part) for part in LINKED_BY_ALERTS},
        )
        alertmanager = [
            *self._argv("alertmanager"),
            f"--config.file={self._folder / 'alertmanager/alertmanager.yml'}",
            f"--storage.path={self._made('alertmanager') / 'data'}",
            "--cluster.listen-address=",
            f"--web.listen-address={bind}:{settings.port(ALERTMANAGER)}",
            f"--web.external-url={settings.public_url(ALERTMANAGER)}",
            "--web.route-prefix=/",
        ]
        yield Process(ALERTMANAGER, alertmanager, {})
        node_exporter = [*self._argv("node_exporter"), f"@{root / 'node_exporter/flags.txt'}"]
        node_exporter += [f"--collector.textfile.directory={root / 'node_exporter/textfile'}"]
        node_exporter += [f"--web.listen-address={bind}:{settings.port(NODE_EXPORTER)}"]
        yield Process(NODE_EXPORTER, node_exporter, {})
        if (grafana := _grafana()) is not None:
            yield Process(GRAFANA, grafana, self._grafana_environment())

    def _grafana_environment(self) -> Mapping[str, str]:
        """What docker-compose.yml gives to Grafana, with the paths and addresses of this machine."""
        settings, root = self._settings, self._settings.root
        compose = yaml.safe_load((root / "docker-compose.yml").read_text(encoding="utf-8"))
        environment: dict[str, str] = compose["services"]["grafana"]["environment"]
        del environment[
            "GF_SECURITY_ADMIN_PASSWORD__FILE"
        ]  # which only the image's start script understands
        return environment | {
            "GF_SERVER_HTTP_ADDR": settings["BIND_ADDRESS"],
            "GF_SERVER_HTTP_PORT": str(settings.port(GRAFANA)),
            "GF_SERVER_ROOT_URL": settings.public_url(GRAFANA),
            "GF_SECURITY_ADMIN_PASSWORD": f"$__file{{{settings.secrets_dir / GRAFANA_PASSWORD}}}",
            "GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH": str(
                settings.dashboards_dir / "overview.json"
            ),
            "GRAFANA_DASHBOARDS_PATH": str(settings.dashboards_dir),
            "GRAFANA_OWN_DASHBOARDS_PATH": str(root / "grafana/dashboards.d"),
            "PROMETHEUS_URL": PROMETHEUS.url(settings),
            "ALERTMANAGER_URL": ALERTMANAGER.url(settings),
            "GF_PATHS_PROVISIONING": str(root / "grafana/provisioning"),
            "GF_PATHS_DATA": str(self._made("grafana")),
            "GF_PATHS_LOGS": str(self._folder / "logs"),
        }

    def _argv(self, name: str) -> list[str]:
        argv = self._programs.argv(name)
        if argv is None:
            raise StackError(
                f"{name} is neither on PATH nor in {self._folder.name}/programs; `make clean` and `make up` fetch it anew"
            )
        return argv

    def _ledger(self) -> Path:
        return self._made("exporter") / "ledger.sqlite3"

    def _made(self, name: str) -> Path:
        folder = self._folder / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _write_targets(self) -> None:
        """Lay out prometheus/ with the addresses of this machine: compose has its own, nothing else differs."""
        folder, source = self._made("prometheus"), self._settings.root / "prometheus"
        for name in ("prometheus.yml", "rules"):
            link = folder / name
            link.unlink(missing_ok=True)
            link.symlink_to(source / name)
        targets = self._made("prometheus/targets")
        here = {
            part.name: f"{self._settings.reach}:{self._settings.port(part)}"
            for part in self.parts()
        }
        for file in (source / "targets/compose").glob("*.yml"):
            groups = yaml.safe_load(file.read_text(encoding="utf-8"))
            for group in groups:
                group["targets"] = [
                    here[name]
                    for target in group["targets"]
                    if (name := target.partition(":")[0]) in here
                ]
            written = targets / file.name
            written.with_suffix(".part").write_text(yaml.safe_dump(groups), encoding="utf-8")
            written.with_suffix(".part").replace(written)

    def _write_supervisor_configuration(self) -> None:
        logs = self._made("logs")
        lines = [
            "; Made by `make up` from .env; changes are lost.",
            "[unix_http_server]",
            f"file={self._socket()}",
            "chmod=0700",
            "[rpcinterface:supervisor]",
            "supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface",
            "[supervisorctl]",
            f"serverurl=unix://{self._socket()}",
            "[supervisord]",
            f"pidfile={self._folder / 'supervisord.pid'}",
            f"logfile={logs / 'supervisord.log'}",
            f"childlogdir={logs}",
            f"directory={self._settings.root}",
        ]
        for process in self._processes():
            environment = ",".join(
                f'{name}="{value}"' for name, value in process.environment.items()
            )
            lines += [
                f"[program:{process.part.name}]",
                f"command={shlex.join(process.argv)}".replace("%", "%%"),
                *([f"environment={environment}".replace("%", "%%")] if environment else []),
                f"stdout_logfile={logs / process.part.name}.log",
                "redirect_stderr=true",
                "autorestart=true",
                f"startretries={START_RETRIES}",
                "stopasgroup=true",
                "killasgroup=true",
            ]
        self._supervisor_configuration.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def _socket(self) -> Path:
        beside = self._folder / "supervisor.sock"
        if len(str(beside)) <= SOCKET_PATH_LENGTH:
            return beside
        name = sha256(str(self._folder).encode()).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"strataregula-{name}.sock"

    def _is_running(self) -> bool:
        if not self._supervisor_configuration.exists() or not self._socket().exists():
            return False
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(str(self._socket()))
        except OSError:
            self._socket().unlink(missing_ok=True)  # of a supervisor that was killed
            return False
        return True

    def _supervisorctl(self, *words: str) -> str:
        return self._run(
            "-m", "supervisor.supervisorctl", "-c", str(self._supervisor_configuration), *words
        ).stdout

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


def _grafana() -> list[str] | None:
    """The words that run Grafana, where it is installed."""
    if (grafana := shutil.which("grafana")) is not None:
        argv = [grafana, "server"]
    elif (server := shutil.which("grafana-server")) is not None:
        argv = [server]
    else:
        return None
    home = Path("/usr/share/grafana")
    return [*argv, *([f"--homepath={home}"] if home.is_dir() else [])]


def _who_has(settings: Settings, part: Part) -> str | None:
    """A line that says who has a part's port; None if it is free."""
    port, address = settings.port(part), settings["BIND_ADDRESS"]
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            owner = _owner(port)
            return f"{part.name}: {address}:{port}: {error.strerror}{owner}; stop what has it, or set {part.port_setting} in .env"
    return None


def _owner(port: int) -> str:
    try:
        for connection in psutil.net_connections("tcp"):
            if (
                connection.laddr
                and connection.laddr.port == port
                and connection.status == psutil.CONN_LISTEN
                and connection.pid
            ):
                return f" (by process {connection.pid}, {psutil.Process(connection.pid).name()})"
    except psutil.Error:
        pass
    return ""
