"""The words and variables that each process of local mode is started with."""

import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml

from stack import retention
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
from stack.supervisor import Process

# Whose addresses prometheus.yml takes from its environment; Prometheus knows its own.
LINKED_BY_ALERTS = (ALERTMANAGER, EXPORTER, GRAFANA)


def local_parts() -> tuple[Part, ...]:
    """What this machine can run: Grafana only where it is installed."""
    return tuple(part for part in PARTS if part is not GRAFANA or _grafana() is not None)


class Processes:
    """The processes of one checkout."""

    def __init__(self, settings: Settings, programs: Programs) -> None:
        self._settings = settings
        self._programs = programs
        self._folder = settings.state_dir

    @property
    def ledger(self) -> Path:
        return self._folder / "exporter/ledger.sqlite3"

    def argv(self, name: str) -> list[str]:
        """Give the words that run a program.

        Raises:
            StackError: it is not there.
        """
        argv = self._programs.argv(name)
        if argv is None:
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
        yield Process(EXPORTER, self._exporter(), {})
        public = {part.public_url_setting: self._public(part) for part in LINKED_BY_ALERTS}
        yield Process(PROMETHEUS, self._prometheus(), public)
        yield Process(ALERTMANAGER, self._alertmanager(), {})
        yield Process(NODE_EXPORTER, self._node_exporter(), {})
        if (grafana := _grafana()) is not None:
            yield Process(GRAFANA, grafana, self.grafana_environment())

    def grafana_environment(self) -> Mapping[str, str]:
        """What docker-compose.yml gives to Grafana, with this machine's paths and addresses."""
        settings, root = self._settings, self._settings.root
        compose = yaml.safe_load((root / "docker-compose.yml").read_text(encoding="utf-8"))
        environment: dict[str, str] = compose["services"]["grafana"]["environment"]
        # Only the image's start script understands this one.
        del environment["GF_SECURITY_ADMIN_PASSWORD__FILE"]
        home = settings.dashboards_dir / "overview.json"
        return environment | {
            "GF_SERVER_HTTP_ADDR": settings["BIND_ADDRESS"],
            "GF_SERVER_HTTP_PORT": str(settings.port(GRAFANA)),
            "GF_SERVER_ROOT_URL": self._public(GRAFANA),
            "GF_SECURITY_ADMIN_PASSWORD": f"$__file{{{settings.secrets_dir / GRAFANA_PASSWORD}}}",
            "GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH": str(home),
            "GRAFANA_DASHBOARDS_PATH": str(settings.dashboards_dir),
            "GRAFANA_OWN_DASHBOARDS_PATH": str(root / "grafana/dashboards.d"),
            "PROMETHEUS_URL": PROMETHEUS.url(settings),
            "ALERTMANAGER_URL": ALERTMANAGER.url(settings),
            "GF_PATHS_PROVISIONING": str(root / "grafana/provisioning"),
            "GF_PATHS_DATA": str(self._made("grafana")),
            "GF_PATHS_LOGS": str(self._folder / "logs"),
        }

    def _exporter(self) -> list[str]:
        settings, root = self._settings, self._settings.root
        self._made("exporter")
        return [
            *(sys.executable, "-m", "benchmark_exporter", "serve"),
            f"--listen={self._address(EXPORTER)}",
            f"--stream-listen={self._address(STREAM)}",
            f"--results-dir={settings.results_dir}",
            f"--ledger={self.ledger}",
            f"--config={root / 'exporter/benchmark_exporter/config.yaml'}",
            f"--runbooks-dir={root / 'docs/runbooks'}",
            f"--environment={settings['BENCHMARK_ENVIRONMENT']}",
            f"--upload-tokens={settings.secrets_dir / UPLOAD_TOKENS}",
            f"--github-webhook-secret={settings.secrets_dir / GITHUB_WEBHOOK_SECRET}",
            f"--alertmanager-api-url={ALERTMANAGER.url(settings)}",
            *(
                f"--{part.name}-url={self._public(part)}"
                for part in (*local_parts(), STREAM)
                if part is not NODE_EXPORTER
            ),
        ]

    def _prometheus(self) -> list[str]:
        argv = self.argv("prometheus")
        return [
            *argv,
            f"--config.file={self._folder / 'prometheus/prometheus.yml'}",
            f"--storage.tsdb.path={self._made('prometheus') / 'data'}",
            *([] if retention.is_configured(argv) else retention.flags(self._settings)),
            "--storage.tsdb.wal-compression",
            "--rules.alert.resend-delay=10s",
            "--rules.alert.for-grace-period=5s",
            "--web.enable-lifecycle",
            "--web.enable-remote-write-receiver",
            "--enable-feature=expand-external-labels",
            f"--web.listen-address={self._address(PROMETHEUS)}",
            f"--web.external-url={self._public(PROMETHEUS)}",
            "--web.route-prefix=/",
        ]

    def _alertmanager(self) -> list[str]:
        return [
            *self.argv("alertmanager"),
            f"--config.file={self._folder / 'alertmanager/alertmanager.yml'}",
            f"--storage.path={self._made('alertmanager') / 'data'}",
            "--data.maintenance-interval=1m",
            "--cluster.listen-address=",
            f"--web.listen-address={self._address(ALERTMANAGER)}",
            f"--web.external-url={self._public(ALERTMANAGER)}",
            "--web.route-prefix=/",
        ]

    def _node_exporter(self) -> list[str]:
        folder = self._settings.root / "node_exporter"
        return [
            *self.argv("node_exporter"),
            f"@{folder / 'flags.txt'}",
            f"--collector.textfile.directory={folder / 'textfile'}",
            f"--web.listen-address={self._address(NODE_EXPORTER)}",
        ]

    def _address(self, part: Part) -> str:
        return f"{self._settings['BIND_ADDRESS']}:{self._settings.port(part)}"

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
