"""HIGH_AVAILABILITY=yes in both modes: members with the same options, none of them open to more."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from stack import high_availability, internal, overlays, settings
from stack.exporter_commands import run as run_exporter
from stack.high_availability import ADDED, ALERTMANAGER_B, DOORS, GOSSIP, MEMBERS, PROMETHEUS_B
from stack.local import LocalStack
from stack.prepare import prepare
from stack.settings import ALERTMANAGER, PROMETHEUS, Settings
from tests.stack.checkouts import write_env
from tests.stack.composed import compose_configuration
from tests.support.paths import REPOSITORY

# What differs between the members of a kind.
OWN_FLAGS = {"--web.listen-address", "--cluster.listen-address", "--cluster.peer"}


@pytest.fixture
def values(equipped: Path) -> Settings:
    write_env(equipped, "HIGH_AVAILABILITY=yes")
    values = settings.load(equipped, environ={})
    list(prepare(values))
    return values


def read_yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def flags(argv: list[str]) -> dict[str, str]:
    """Each flag's value, those that are paths or addresses of a member's own left out."""
    pairs = (word.partition("=") for word in argv if word.startswith("--"))
    own = {*OWN_FLAGS, "--config.file", "--storage.path", "--storage.tsdb.path"}
    return {flag: value for flag, _, value in pairs if flag not in own}


def test_it_is_off_by_default(equipped: Path) -> None:
    values = settings.load(equipped, environ={})
    assert not high_availability.added(values)
    assert not {part.name for part in ADDED} & {
        process.part.name for process in LocalStack(values).processes.all()
    }
    assert "COMPOSE_FILE" not in overlays.variables(values)


def test_members_have_the_same_options_in_local_mode(values: Settings) -> None:
    argv = {process.part: list(process.argv) for process in LocalStack(values).processes.all()}
    for first, *others in MEMBERS.values():
        for other in others:
            assert flags(argv[other]) == flags(argv[first])
    folders = [word for part in argv for word in argv[part] if ".path=" in word]
    assert len(set(folders)) == len(folders)


def test_the_gossip_is_on_the_loopback_interface(values: Settings) -> None:
    ports = internal.ports(values)
    for process in LocalStack(values).processes.all():
        if process.part in MEMBERS[ALERTMANAGER]:
            [listens] = [word for word in process.argv if "--cluster.listen-address" in word]
            port = ports[GOSSIP[process.part].name]
            assert listens == f"--cluster.listen-address=127.0.0.1:{port}"
            assert sum("--cluster.peer=127.0.0.1:" in word for word in process.argv) == 2


def test_each_prometheus_sends_to_every_alertmanager_and_scrapes_both(values: Settings) -> None:
    assert list(LocalStack(values).render())
    for part in MEMBERS[PROMETHEUS]:
        folder = values.state_dir / part.name
        for kind in (ALERTMANAGER, PROMETHEUS):
            groups = [
                *read_yaml(folder / f"targets/{kind.name}.yml"),
                *read_yaml(folder / f"members/{kind.name}.yml"),
            ]
            found = [target for group in groups for target in group["targets"]]
            assert found == [internal.address(one, values) for one in MEMBERS[kind]]
        [itself] = read_yaml(folder / "members/prometheus-self.yml")
        assert itself["targets"] == [internal.address(part, values)]


def test_a_stack_without_members_has_none_of_their_targets(equipped: Path) -> None:
    values = settings.load(equipped, environ={})
    list(prepare(values))
    assert list(LocalStack(values).render())
    for file in (values.state_dir / "prometheus/members").iterdir():
        assert not [target for group in read_yaml(file) for target in group["targets"]]


def test_the_doors_of_grafana_are_on_the_loopback_interface_and_add_no_credential(
    values: Settings,
) -> None:
    assert list(LocalStack(values).render())
    text = (values.state_dir / "proxy/Caddyfile").read_text(encoding="utf-8")
    for door in DOORS.values():
        _, found, block = text.partition(f"http://:{internal.ports(values)[door.name]} {{")
        assert found
        block = block.partition("\n}")[0]
        assert "bind 127.0.0.1" in block
        assert "header_up" not in block
    grafana = LocalStack(values).processes.grafana_environment()
    assert grafana["PROMETHEUS_URL"] == internal.url(DOORS[PROMETHEUS], values)
    assert grafana["ALERTMANAGER_URL"] == internal.url(DOORS[ALERTMANAGER], values)


def test_caddy_reads_the_configuration(values: Settings, programs: dict[str, list[str]]) -> None:
    assert list(LocalStack(values).render())
    words = ["validate", "--adapter=caddyfile", f"--config={values.state_dir}/proxy/Caddyfile"]
    done = subprocess.run([*programs["caddy"], *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_compose_has_the_same_members_with_the_same_options(values: Settings) -> None:
    services = compose_configuration(values)["services"]
    for first, *others in MEMBERS.values():
        for other in others:
            mine, its = services[first.name], services[other.name]
            for key in ("command", "image", "healthcheck", "cap_drop", "read_only", "mem_limit"):
                assert mine[key] == its[key], f"{other.name}: {key}"
            assert mine.get("environment", {}).keys() == its.get("environment", {}).keys()
            assert {one["target"] for one in mine["volumes"]} == {
                one["target"] for one in its["volumes"]
            }
    replicas = [
        services[one.name]["environment"]["PROMETHEUS_REPLICA"] for one in MEMBERS[PROMETHEUS]
    ]
    assert replicas == ["a", "b"]
    assert services["grafana"]["environment"]["PROMETHEUS_URL"] == "http://proxy:19090"


def test_compose_publishes_members_on_the_loopback_interface_and_no_gossip(
    values: Settings,
) -> None:
    services = compose_configuration(values)["services"]
    ports = internal.ports(values)
    for part in ADDED:
        [published] = services[part.name]["ports"]
        assert published["host_ip"] == "127.0.0.1"
        assert int(published["published"]) == ports[part.name]
    targets = {port["target"] for one in services.values() for port in one.get("ports", ())}
    assert not targets & {9094, *high_availability.DOOR_PORTS.values()}


def test_both_files_have_the_same_options_where_one_server_is_in_both() -> None:
    alone = read_yaml(REPOSITORY / "docker-compose.yml")["services"]
    pair = read_yaml(REPOSITORY / "docker-compose.ha.yml")["services"]
    assert alone["prometheus"]["command"] == pair[PROMETHEUS_B.name]["command"]
    cluster = [
        word for word in pair[ALERTMANAGER_B.name]["command"] if not word.startswith("--cluster.")
    ]
    assert cluster == [
        word for word in alone["alertmanager"]["command"] if not word.startswith("--cluster.")
    ]


def test_an_override_of_the_user_stays(values: Settings) -> None:
    (values.root / "docker-compose.override.yml").write_text("services: {}\n")
    files = overlays.variables(values)["COMPOSE_FILE"].split(os.pathsep)
    assert [Path(file).name for file in files] == [
        "docker-compose.yml",
        "docker-compose.ha.yml",
        "docker-compose.override.yml",
    ]


def test_backfill_writes_to_both(values: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    from stack import record

    record.write(values, LocalStack(values).placement())
    called: list[list[str]] = []

    def call(words: list[str], *, check: bool) -> subprocess.CompletedProcess[str]:
        called.append(words)
        assert not check
        return subprocess.CompletedProcess(words, len(called))

    monkeypatch.setattr("stack.exporter_commands.subprocess.run", call)
    assert run_exporter(values, ["backfill", "--limit=1"]) == 2
    for words, part in zip(called, MEMBERS[PROMETHEUS], strict=True):
        assert words[0] == sys.executable
        assert f"--url={internal.url(part, values)}" in words
    called.clear()
    run_exporter(values, ["backfill", "--dry-run"])
    assert len(called) == 1


def test_every_member_is_backed_up(values: Settings) -> None:
    from stack.backup.access import Access

    access = Access(values, LocalStack(values))
    for part in ADDED:
        (values.state_dir / part.name / "data").mkdir(parents=True)
    assert {part.name for part in ADDED} <= set(access.stored())
    assert {part.name for part in ADDED} <= set(access.restorable())
