"""`make up PARTS=exporter`: the exporter and its proxy, for the Prometheus of another stack."""

import http.client
import json
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
import yaml

from benchmark_exporter.tokens import parse_tokens
from stack import exporter_alone, internal, proxy
from stack import settings as stack_settings
from stack.compose import ComposeStack
from stack.containers import proxy_place
from stack.prepare import prepare
from stack.settings import EXPORTER, STREAM, Settings
from stack.started import as_started
from stack.supervisor import Supervisor
from tests.stack.backends import until
from tests.stack.checkouts import (
    COMMAND_SECONDS,
    checkout,
    environment_without_settings,
    ports,
    write_env,
)
from tests.stack.composed import compose_configuration
from tests.stack.doors import table
from tests.support.documents import perf_suite


@dataclass(frozen=True)
class ExporterAlone:
    """A checkout where the exporter alone was started, by the command line and not by .env."""

    folder: Path
    said: str

    @property
    def settings(self) -> Settings:
        return as_started(stack_settings.load(self.folder, environ={}))

    def ask(
        self,
        path: str,
        token: str = "",
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, str]:
        """The answer of the published door, whose certificate has to be good for localhost."""
        root = self.folder / ".local/proxy-data" / proxy.ROOT_CERTIFICATE
        context = ssl.create_default_context(cafile=str(root))
        port = self.settings.port(EXPORTER)
        connection = http.client.HTTPSConnection("localhost", port, timeout=20, context=context)
        sent = {**({"Authorization": f"Bearer {token}"} if token else {}), **(headers or {})}
        try:
            connection.request(method, path, headers=sent)
            answer = connection.getresponse()
            return answer.status, answer.read().decode(errors="replace")
        finally:
            connection.close()

    @property
    def token(self) -> str:
        text = (self.folder / "secrets" / exporter_alone.SCRAPE_TOKENS).read_text()
        [token] = parse_tokens(text)[0]
        return token.secret


def run(folder: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the Makefile with variables, on a machine without a Prometheus."""
    return subprocess.run(
        [sys.executable, "-m", "stack", *words],
        cwd=folder,
        env={**environment_without_settings(), **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )


@pytest.fixture(scope="module")
def started(
    tmp_path_factory: pytest.TempPathFactory,
    programs: Mapping[str, list[str]],
    free_port: Callable[[], int],
) -> Iterator[ExporterAlone]:
    folder = tmp_path_factory.mktemp("exporter_alone") / "checkout"
    weekly = {"WEEKLY_DIGEST": "mon 09:00"}
    checkout(folder, {"MODE": "local", "PROXY_TLS": "yes", **weekly, **ports(free_port)})
    # Of the programs, only the proxy's is there, so a Prometheus would have to be fetched.
    here = folder / ".local/programs/usr/bin"
    here.mkdir(parents=True)
    (here / "caddy").symlink_to(programs["caddy"][0])
    up = run(folder, "up", PARTS="exporter")
    assert up.returncode == 0, up.stdout + up.stderr
    yield ExporterAlone(folder, up.stdout)
    down = run(folder, "down")
    assert down.returncode == 0, down.stdout + down.stderr
    assert as_started(stack_settings.load(folder, environ={}))["PARTS"] == "all"


def test_only_the_exporter_and_its_proxy_run_and_nothing_is_fetched(started: ExporterAlone) -> None:
    supervisor = Supervisor(started.settings.state_dir, started.settings.root)
    assert {one.name for one in supervisor.processes()} == {"exporter", "proxy"}
    assert [path.name for path in (started.folder / ".local/programs/usr/bin").iterdir()] == [
        "caddy"
    ]
    assert "fetching" not in started.said
    assert not (started.folder / "secrets/grafana_admin_password").exists()
    [exporter] = [one for one in supervisor.processes() if one.name == "exporter"]
    words = psutil.Process(exporter.process_id).cmdline()
    assert not [word for word in words if word.startswith(("--alertmanager", "--prometheus"))]
    assert not [word for word in words if word.startswith("--weekly-digest")]


def test_what_has_no_effect_is_said(started: ExporterAlone) -> None:
    assert "WEEKLY_DIGEST has no effect with PARTS=exporter: Alertmanager sends" in started.said


def test_it_listens_on_the_doors_of_the_document_that_it_has(started: ExporterAlone) -> None:
    settings = started.settings
    supervisor = Supervisor(settings.state_dir, settings.root)
    listening = {
        (connection.laddr.ip, connection.laddr.port)
        for process in supervisor.descendants()
        for connection in process.net_connections("inet")
        if connection.status in (psutil.CONN_LISTEN, psutil.CONN_NONE)
    }
    doors = [EXPORTER, STREAM]
    assert {part.name for part in doors} <= table().keys()
    published = {(settings["BIND_ADDRESS"], settings.port(part)) for part in doors}
    behind = {("127.0.0.1", internal.ports(settings)[part.name]) for part in doors}
    assert listening == published | behind


def test_up_says_how_another_stack_adds_it(started: ExporterAlone) -> None:
    settings = started.settings
    address = settings.public_url(EXPORTER)
    assert f"EXPORTERS in .env   {address}" in started.said
    assert f"secrets/exporters/localhost_{settings.port(EXPORTER)}.token" in started.said
    assert "secrets/exporter/scrape_tokens" in started.said
    assert started.token not in started.said
    assert "Other machines cannot reach it yet" in started.said
    assert "make demo" not in started.said


def test_a_prometheus_elsewhere_scrapes_with_the_token_alone(started: ExporterAlone) -> None:
    assert started.ask("/metrics")[0] == 401
    assert started.ask("/metrics", "x" * 43)[0] == 401
    status, text = started.ask("/metrics?collect[]=state&sparse=1", started.token)
    assert status == 200
    assert "benchmark_exporter_ledger_commits" in text
    for path in ("/", "/api/v1/status", "/metrics/../api/v1/status", "/runbooks/Watchdog"):
        assert started.ask(path, started.token)[0] == 401, path
    for path in ("/metrics", "/api/v1/alerts"):
        assert started.ask(path, started.token, "POST")[0] in (401, 403), path
    foreign = {"Origin": "http://evil.example"}
    assert started.ask("/metrics", started.token, headers=foreign)[0] == 403
    # The proxy does not lend its own credential to a scrape.
    forged = {"X-Stack-Credential": started.token}
    assert started.ask("/metrics", "x" * 43, headers=forged)[0] == 401


def test_status_is_about_what_runs(started: ExporterAlone) -> None:
    status = run(started.folder, "status")
    assert status.returncode == 0, status.stdout + status.stderr
    lines = status.stdout.replace("live page", "live_page").splitlines()
    shown = dict(line.split()[:2] for line in lines)
    assert shown == {"exporter": "ready", "proxy": "ready", "live_page": "ready"}


def test_results_are_ingested_and_listed(started: ExporterAlone) -> None:
    document = json.dumps(perf_suite(project="alone"))
    (started.folder / "results/run.json").write_text(document)

    def listed() -> bool | None:
        history = run(started.folder, "exporter", "history", "--format=json")
        return [each["project"] for each in json.loads(history.stdout)] == ["alone"] or None

    until(listed, 30, "the run is listed")


def test_reload_and_check_work(started: ExporterAlone) -> None:
    reload = run(started.folder, "reload")
    assert reload.returncode == 0, reload.stdout + reload.stderr
    assert "exporter has read its settings" in reload.stdout
    check = run(started.folder, "check")
    assert check.returncode == 0, check.stdout + check.stderr
    assert "neither rules nor routes" in check.stdout
    logs = run(started.folder, "logs", "--no-follow", "exporter")
    assert logs.returncode == 0
    assert run(started.folder, "upgrade-check", PARTS="exporter").returncode == 0


@pytest.mark.parametrize(
    ("words", "needs"),
    [
        (["demo"], "make demo needs Prometheus and Alertmanager"),
        (["notify-test"], "make notify-test needs Alertmanager"),
        (["exporter", "backfill"], "make backfill needs Prometheus"),
        (["logs", "prometheus"], "no log of prometheus"),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, list) else "",
)
def test_what_an_exporter_alone_cannot_do_is_said(
    started: ExporterAlone, words: list[str], needs: str
) -> None:
    done = run(started.folder, *words)
    assert done.returncode == 1, done.stdout
    assert needs in " ".join(done.stderr.split())


def test_a_backup_has_its_ledger_and_is_restored(started: ExporterAlone) -> None:
    backup = run(started.folder, "backup", "--to", str(started.folder.with_name("backups")))
    assert backup.returncode == 0, backup.stdout + backup.stderr
    [file] = started.folder.with_name("backups").glob("*")
    restore = run(started.folder, "restore", "--from", str(file), "--yes")
    assert restore.returncode == 0, restore.stdout + restore.stderr
    assert started.settings["PARTS"] == "exporter"
    assert started.ask("/metrics", started.token)[0] == 200


def test_compose_starts_the_same_two(folder: Path) -> None:
    """As far as Compose reads the file; the machine that tests this may have no engine."""
    write_env(folder, "PARTS=exporter\nMODE=compose\nPUBLIC_GRAFANA_URL=https://perf.example/g")
    settings = stack_settings.load(folder, environ={})
    stack = ComposeStack(settings)
    assert [part.name for part in stack.parts()] == ["exporter", "proxy"]
    assert proxy_place(settings).ports.keys() == {"exporter", "stream"}
    whole = yaml.safe_load((folder / "docker-compose.yml").read_text())
    alone = exporter_alone.without_the_rest(whole, settings)
    assert alone["services"].keys() == {"exporter", "proxy"}
    assert alone["services"]["proxy"]["ports"] == [
        "${BIND_ADDRESS}:${EXPORTER_PORT}:8000",
        "${BIND_ADDRESS}:${STREAM_PORT}:8765",
    ]
    environment = alone["services"]["exporter"]["environment"]
    assert "BENCHMARK_EXPORTER_GRAFANA_URL" in environment
    assert not [name for name in environment if "ALERTMANAGER" in name or "PROMETHEUS" in name]


def test_compose_reads_its_file(folder: Path) -> None:
    write_env(folder, "PARTS=exporter\nMODE=compose")
    settings = stack_settings.load(folder, environ={})
    list(prepare(settings))
    read = compose_configuration(settings)
    assert read["services"].keys() == {"exporter", "proxy"}
    mounted = {volume["source"] for volume in read["services"]["exporter"]["volumes"]}
    assert f"{folder}/secrets/exporter" in mounted


def test_a_wrong_value_is_refused(folder: Path) -> None:
    refused = run(folder, "status", PARTS="prometheus")
    assert refused.returncode == 1
    assert "PARTS must be 'all' or 'exporter', not 'prometheus'" in refused.stderr
