"""What LONG_TERM_STORE=yes makes of a checkout, without starting it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from stack import long_term, overlays, settings
from stack.containers import filled_in, proxy_place
from stack.local import LocalStack
from stack.project import derived_name
from stack.settings import VMAUTH, Settings
from tests.stack.checkouts import write_env
from tests.stack.composed import compose_configuration
from tests.support.paths import REPOSITORY

CREDENTIAL = Path("/etc/stack-internal/credential")


def with_store(folder: Path) -> Settings:
    write_env(folder, "LONG_TERM_STORE=yes\nLONG_TERM_RETENTION=2y")
    return settings.load(folder, environ={})


def test_both_modes_run_the_store_with_the_same_flags(folder: Path) -> None:
    values = with_store(folder)
    services = compose_configuration(values)["services"]
    assert services["victoriametrics"]["command"] == long_term.store_argv(
        [], values, ":8428", "/tmp/victoria-metrics", CREDENTIAL
    )
    assert "-retentionPeriod=2y" in services["victoriametrics"]["command"]
    assert services["vmauth"]["command"] == long_term.vmauth_argv(
        [], ":8427", "/etc/vmauth/auth.yml", CREDENTIAL
    )


def test_the_containers_listen_on_the_loopback_interface_but_for_the_proxy(folder: Path) -> None:
    services = compose_configuration(with_store(folder))["services"]
    published = {
        (name, port["host_ip"], port["target"])
        for name in ("victoriametrics", "vmauth", "proxy")
        for port in services[name]["ports"]
    }
    ports = ((8428, "victoriametrics"), (8427, "vmauth"), (8427, "proxy"))
    assert {(name, "127.0.0.1", port) for port, name in ports} <= published


def test_the_history_dashboard_reads_the_store(folder: Path) -> None:
    before = settings.load(folder, environ={})
    name = derived_name(folder)
    assert "HISTORY_URL" not in filled_in(before, name)
    without = compose_configuration(before)["services"]["grafana"]["environment"]
    assert without["HISTORY_URL"] == without["PROMETHEUS_URL"]
    grafana = compose_configuration(with_store(folder))["services"]["grafana"]["environment"]
    assert grafana["HISTORY_URL"] == "http://vmauth:8427"


def test_the_door_is_there_only_with_the_store(folder: Path) -> None:
    before = settings.load(folder, environ={})
    assert VMAUTH.name not in proxy_place(before).upstreams
    assert proxy_place(with_store(folder)).upstreams[VMAUTH.name] == "vmauth:8427"


def test_an_overlay_of_the_users_own_counts_last(folder: Path) -> None:
    assert "COMPOSE_FILE" not in overlays.variables(settings.load(folder, environ={}))
    values = with_store(folder)
    (folder / overlays.OWN).write_text("services: {}\n")
    files = overlays.variables(values)["COMPOSE_FILE"].split(os.pathsep)
    assert [Path(path).name for path in files] == [
        "docker-compose.yml",
        "docker-compose.long-term.yml",
        "docker-compose.override.yml",
    ]


def test_what_both_files_share_is_the_same() -> None:
    base, overlay = (
        yaml.safe_load((REPOSITORY / name).read_text())
        for name in (overlays.BASE, long_term.OVERLAY)
    )
    own = {"user", "group_add"}
    shared = {name: value for name, value in overlay["x-service"].items() if name not in own}
    assert shared == base["x-service"]
    assert overlay["x-healthcheck"] == base["x-healthcheck"]


def test_vmauth_passes_on_queries_and_writes_alone(folder: Path) -> None:
    values = with_store(folder)
    values.secrets_dir.mkdir(exist_ok=True)
    long_term.write(values, "127.0.0.1:1")
    path = values.state_dir / long_term.FOLDER / long_term.NAME
    assert path.stat().st_mode & 0o007 == 0
    (user,) = yaml.safe_load(path.read_text())["users"]
    (routes,) = user["url_map"]
    assert routes["src_paths"] == [*long_term.READ_PATHS, *long_term.WRITE_PATHS]


@pytest.mark.parametrize("mark", ["-storageDataPath={}/x", "-auth.config={}/vmauth/auth.yml"])
def test_processes_that_nothing_supervises_are_known(folder: Path, mark: str) -> None:
    values = with_store(folder)
    word = mark.format(values.state_dir)
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", word])
    try:
        (line,) = LocalStack(values).end_orphans()
        assert f"process {process.pid}" in line
        process.wait(10)
    finally:
        process.kill()
        process.wait(10)
