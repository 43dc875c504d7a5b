"""The words and variables that each process of local mode is started with."""

import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml

from stack import (
    alert_language,
    credential,
    exporter_alone,
    exporter_code,
    high_availability,
    internal,
    long_term,
    parts,
    proxy,
    retention,
)
from stack.exporter_alone import ELSEWHERE, SCRAPE_TOKENS
from stack.high_availability import DOORS
from stack.long_term_programs import LongTermPrograms
from stack.prepare import GITHUB_WEBHOOK_SECRET, GRAFANA_PASSWORD, TRIAGE_TOKENS, UPLOAD_TOKENS
from stack.programs import Programs
from stack.settings import (
    ALERTMANAGER,
    EXPORTER,
    GRAFANA,
    LISTENERS,
    NODE_EXPORTER,
    PARTS,
    PROMETHEUS,
    PROXY,
    STREAM,
    VICTORIAMETRICS,
    VMAUTH,
    Part,
    Settings,
    StackError,
)
from stack.supervisor import Process

# Whose addresses prometheus.yml takes from its environment; Prometheus knows its own.
LINKED_BY_ALERTS = (ALERTMANAGER, EXPORTER, GRAFANA)


def local_parts(settings: Settings) -> tuple[Part, ...]:
    """What this machine can run of PARTS: Grafana only where it is installed."""
    here = (part for part in PARTS if part is not GRAFANA or _grafana() is not None)
    return tuple(parts.chosen(settings, here))


class Processes:
    """The processes of one checkout."""

    def __init__(self, settings: Settings, programs: Programs) -> None:
        self._settings = settings
        self._programs = programs
        self._folder = settings.state_dir
        self.long_term = LongTermPrograms(self._folder / "programs/long-term")

    @property
    def ledger(self) -> Path:
        return self._folder / "exporter/ledger.sqlite3"

    @property
    def proxy_data(self) -> Path:
        return self._folder / "proxy-data"

    def proxy_place(self) -> proxy.Place:
        """Where the proxy runs."""
        published = (VMAUTH,) if long_term.is_on(self._settings) else ()
        here = (*local_parts(self._settings), STREAM, *published)
        added, ports = high_availability.added(self._settings), internal.ports(self._settings)
        return proxy.Place(
            folder=str(self._folder / proxy.FOLDER),
            storage=str(self.proxy_data),
            bind=self._settings["BIND_ADDRESS"],
            upstreams={
                part.name: internal.address(part, self._settings)
                for part in (*here, *added)
                if part is not PROXY
            },
            ports={part.name: self._settings.port(part) for part in here},
            doors={part: ports[door.name] for part, door in DOORS.items() if door.name in ports},
            door_bind=internal.ADDRESS,
        )

    def argv(self, name: str) -> list[str]:
        """Give the words that run a program.

        Raises:
            StackError: it is not there.
        """
        if (argv := self._programs.argv(name)) is None:
            raise StackError(
                f"{name} is neither on PATH nor in {self._folder.name}/programs; "
                f"remove {self._folder.name}/programs and `make up` fetches it again"
            )
        return argv

    def all(self) -> Iterator[Process]:
        """Every process that this machine can run.

        Raises:
            StackError: a program is not there.
        """
        yield Process(EXPORTER, self._exporter(), exporter_code.environment(self._settings.root))
        if not parts.is_exporter_alone(self._settings):
            yield from self._servers()
        # What it would remember lies in the state folder too.
        folders = {"XDG_CONFIG_HOME": self.proxy_data, "XDG_DATA_HOME": self.proxy_data}
        yield Process(PROXY, self._proxy(), {name: str(path) for name, path in folders.items()})

    def _servers(self) -> Iterator[Process]:
        """What judges, alerts and shows."""
        public = {part.public_url_setting: self._public(part) for part in LINKED_BY_ALERTS}
        public |= {"SCRAPE_SECRETS_DIGEST": credential.scrape_digest(self._settings)}
        for part in high_availability.members(PROMETHEUS, self._settings):
            replica = {"PROMETHEUS_REPLICA": high_availability.REPLICAS[part]}
            yield Process(part, self._prometheus(part), public | replica)
        for part in high_availability.members(ALERTMANAGER, self._settings):
            yield Process(part, self._alertmanager(part), {})
        yield Process(NODE_EXPORTER, self._node_exporter(), {})
        if (grafana := _grafana()) is not None:
            yield Process(GRAFANA, grafana, self.grafana_environment())
        if long_term.is_on(self._settings):
            yield Process(VICTORIAMETRICS, self._victoriametrics(), {})
            yield Process(VMAUTH, self._vmauth(), {})

    def grafana_environment(self) -> Mapping[str, str]:
        """What docker-compose.yml gives to Grafana, with this machine's paths and addresses."""
        settings, root = self._settings, self._settings.root
        compose = yaml.safe_load((root / "docker-compose.yml").read_text(encoding="utf-8"))
        environment: dict[str, str] = compose["services"]["grafana"]["environment"]
        # Only the image's start script understands this one.
        del environment["GF_SECURITY_ADMIN_PASSWORD__FILE"]
        home = settings.dashboards_dir / "overview.json"
        return environment | {
            "GF_SERVER_HTTP_ADDR": internal.ADDRESS,
            "GF_SERVER_HTTP_PORT": internal.address(GRAFANA, settings).rpartition(":")[2],
            "GF_SERVER_ROOT_URL": self._public(GRAFANA),
            "GF_SECURITY_ADMIN_PASSWORD": f"$__file{{{settings.secrets_dir / GRAFANA_PASSWORD}}}",
            "GF_METRICS_BASIC_AUTH_PASSWORD": f"$__file{{{self._internal / 'credential'}}}",
            # It reads the credential when it starts.
            "STACK_CREDENTIAL_DIGEST": credential.digest(settings),
            "GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH": str(home),
            "GRAFANA_DASHBOARDS_PATH": str(settings.dashboards_dir),
            "GRAFANA_OWN_DASHBOARDS_PATH": str(root / "grafana/dashboards.d"),
            "PROMETHEUS_URL": self._door(PROMETHEUS),
            "HISTORY_URL": long_term.history_url(
                settings, f"http://{self._address(VMAUTH)}", self._door(PROMETHEUS)
            ),
            "ALERTMANAGER_URL": self._door(ALERTMANAGER),
            "GF_PATHS_PROVISIONING": str(self._folder / "grafana-provisioning"),
            "GF_PATHS_DATA": str(self._made("grafana")),
            "GF_PATHS_LOGS": str(self._folder / "logs"),
        }

    def _exporter(self) -> list[str]:
        settings, root = self._settings, self._settings.root
        here = {*local_parts(settings), STREAM} - {NODE_EXPORTER, PROXY}
        alertmanagers = ",".join(self.internal_urls(ALERTMANAGER))
        return [
            *(sys.executable, "-m", "benchmark_exporter", "serve"),
            f"--listen={self._address(EXPORTER)}",
            f"--stream-listen={self._address(STREAM)}",
            f"--results-dir={settings.results_dir}",
            f"--ledger={self._made('exporter') / self.ledger.name}",
            f"--config={root / 'exporter/benchmark_exporter/config.yaml'}",
            f"--runbooks-dir={root / 'docs/runbooks'}",
            f"--environment={settings['BENCHMARK_ENVIRONMENT']}",
            f"--upload-tokens={settings.secrets_dir / UPLOAD_TOKENS}",
            f"--github-webhook-secret={settings.secrets_dir / GITHUB_WEBHOOK_SECRET}",
            f"--credential-file={settings.secrets_dir / credential.FILE}",
            f"--alert-language-file={alert_language.file(settings)}",
            f"--triage-tokens={settings.secrets_dir / TRIAGE_TOKENS}",
            f"--scrape-tokens={settings.secrets_dir / SCRAPE_TOKENS}",
            *([f"--alertmanager-api-url={alertmanagers}"] if ALERTMANAGER in here else []),
            *exporter_alone.weekly_digest(settings),
            *(
                f"--{part.name}-url={self._public(part)}"
                for part in LISTENERS
                if part in here or (part in ELSEWHERE and settings[part.public_url_setting])
            ),
        ]

    def _prometheus(self, part: Part) -> list[str]:
        argv = self.argv("prometheus")
        return [
            *argv,
            f"--config.file={self._folder / part.name / 'prometheus.yml'}",
            f"--storage.tsdb.path={self._made(part.name) / 'data'}",
            *([] if retention.is_configured(argv) else retention.flags(self._settings)),
            "--storage.tsdb.wal-compression",
            "--rules.alert.resend-delay=10s",
            "--rules.alert.for-grace-period=5s",
            "--storage.remote.flush-deadline=5s",  # as in docker-compose.yml
            "--web.enable-lifecycle",
            "--web.enable-remote-write-receiver",
            "--enable-feature=expand-external-labels",
            *self._web(part),
            f"--web.external-url={self._public(PROMETHEUS)}",
            "--web.route-prefix=/",
        ]

    def _alertmanager(self, part: Part) -> list[str]:
        gossip = {
            member: self._address(door)
            for member, door in high_availability.GOSSIP.items()
            if high_availability.is_on(self._settings)
        }
        return [
            *self.argv("alertmanager"),
            f"--config.file={self._folder / 'alertmanager/alertmanager.yml'}",
            f"--storage.path={self._made(part.name) / 'data'}",
            "--data.maintenance-interval=5s",  # as in docker-compose.yml
            *high_availability.cluster_flags(part, self._settings, gossip),
            *self._web(part),
            f"--web.external-url={self._public(ALERTMANAGER)}",
            "--web.route-prefix=/",
        ]

    def _node_exporter(self) -> list[str]:
        folder = self._settings.root / "node_exporter"
        return [
            *self.argv("node_exporter"),
            f"@{folder / 'flags.txt'}",
            f"--collector.textfile.directory={folder / 'textfile'}",
            *self._web(NODE_EXPORTER),
        ]

    def _victoriametrics(self) -> list[str]:
        return long_term.store_argv(
            self.long_term.argv(VICTORIAMETRICS.name),
            self._settings,
            self._address(VICTORIAMETRICS),
            str(self._made(VICTORIAMETRICS.name) / "data"),
            self._internal / "credential",
        )

    def _vmauth(self) -> list[str]:
        return long_term.vmauth_argv(
            self.long_term.argv(VMAUTH.name),
            self._address(VMAUTH),
            str(self._folder / long_term.FOLDER / long_term.NAME),
            self._internal / "credential",
        )

    def _proxy(self) -> list[str]:
        return [
            *(*self.argv("caddy"), "run", "--adapter=caddyfile", "--watch"),
            f"--config={self._folder / proxy.FOLDER / proxy.NAME}",
        ]

    @property
    def _internal(self) -> Path:
        return credential.folder(self._settings)

    def _web(self, part: Part) -> tuple[str, str]:
        """Where a server of Prometheus' project listens, and whom it answers."""
        return (
            f"--web.listen-address={self._address(part)}",
            f"--web.config.file={self._internal / 'web.yml'}",
        )

    def _door(self, part: Part) -> str:
        """Where Grafana reaches a part: by the proxy if the part has members."""
        is_on = high_availability.is_on(self._settings)
        return internal.url(DOORS[part] if is_on else part, self._settings)

    def internal_urls(self, part: Part) -> list[str]:
        """The addresses of a part's members behind the proxy."""
        members = high_availability.members(part, self._settings)
        return [internal.url(member, self._settings) for member in members]

    def _address(self, part: Part) -> str:
        return internal.address(part, self._settings)

    def _public(self, part: Part) -> str:
        return self._settings.public_url(part)

    def _made(self, name: str) -> Path:
        folder = self._folder / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder


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
