"""A stack in operation: killed, started again, reloaded, uploaded to, and what it may not do.

Runs after test_stack.py, on the same stack.
"""

import json
import os
import re
import stat
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psutil
import pytest

from benchmark_exporter.commands.delivery import DeliveryError, Exporter
from benchmark_exporter.commands.push import push
from stack.demo_documents import PerfSuiteBenchmark
from stack.settings import ALERTMANAGER, EXPORTER, NODE_EXPORTER, PARTS, PROMETHEUS, PROXY, Part
from tests.stack.backends import Backend, Compose, get, get_text, is_back, until
from tests.stack.orbit import counter, run_of, value
from tests.support.delivering import SECRET, completed, deliver

METRIC_SECONDS, RESTART_SECONDS, HEALTHY_SECONDS = 20.0, 30.0, 60.0
Measured = Callable[[str], None]


def test_the_ledger_is_closed_to_other_users(backend: Backend) -> None:
    process = Path(f"/proc/{backend.process_ids()['exporter']}")
    if not os.access(process / "fd", os.R_OK):
        pytest.skip("the container's process is another user's")
    ledgers = {
        descriptor.readlink(): descriptor.stat().st_mode
        for descriptor in (process / "fd").iterdir()
        if ".sqlite3" in descriptor.readlink().name
    }
    assert {path.name for path in ledgers} >= {"ledger.sqlite3", "ledger.sqlite3-wal"}
    for path, mode in ledgers.items():
        folder = process / "root" / path.parent.relative_to("/")
        assert mode & stat.S_IRWXO == folder.stat().st_mode & stat.S_IRWXO == 0, path


@pytest.mark.parametrize(
    "part", [EXPORTER, PROMETHEUS, ALERTMANAGER, NODE_EXPORTER, PROXY], ids=lambda part: part.name
)
def test_a_killed_process_is_back(backend: Backend, part: Part, measured: Measured) -> None:
    before, killed = backend.process_ids()[part.name], time.monotonic()
    backend.kill(part)
    # Until it is gone, it is the one that answers.
    until(lambda: None if is_alive(before) else True, RESTART_SECONDS, f"the end of {before}")

    def another() -> int | None:
        process = backend.process_ids().get(part.name, 0)
        return process if process not in (0, before) else None

    until(another, RESTART_SECONDS, f"another {part.name}")
    until(is_back(part, backend.settings), RESTART_SECONDS, f"{part.name} is ready")
    seconds = time.monotonic() - killed
    process, _ = until(another, RESTART_SECONDS, f"another {part.name}")
    # The one that answers was started after the kill.
    assert time.time() - psutil.Process(process).create_time() < seconds + 1.0
    measured(f"{backend.name}: {part.name} killed, ready again after {seconds:.2f} s")


def is_alive(process: int) -> bool:
    """Whether a process still runs; one that nobody has waited for does not."""
    try:
        return psutil.Process(process).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_killed_exporter_shows_the_same_numbers(backend: Backend) -> None:
    def state() -> list[str]:
        lines = get_text(
            EXPORTER.url(backend.settings, "/metrics?collect[]=state&collect[]=distributions")
        ).splitlines()
        # Notifications go on coming in; what is pending is of the process.
        passing = (
            "benchmark_exporter_notifications",
            "benchmark_exporter_ledger_commits",
            "benchmark_exporter_files_pending",
        )
        return [line for line in lines if not line.startswith(passing)]

    labels = 'benchmark_name="orbit/compiled",iteration="median",environment="demo"'
    held_at_zero = {
        'benchmark_runs_total{benchmark_name="orbit",environment="demo"}': 4,
        f"benchmark_execution_time_ms_count{{{labels}}}": 4,
        'ci_pipeline_runs_total{pipeline="nightly",status="fail"}': 2,
    }

    def shown() -> bool | None:
        found = {series: counter(backend, series) for series in held_at_zero}
        return found == held_at_zero or None

    until(shown, 120, "the series of new results, which are held at 0 for a while")
    before = state()
    backend.kill(EXPORTER)
    until(is_back(EXPORTER, backend.settings), RESTART_SECONDS, "the exporter is ready")
    assert state() == before


def test_up_again_is_harmless(backend: Backend) -> None:
    before = backend.process_ids()
    again = backend.command("up")
    assert again.returncode == 0, again.stdout + again.stderr
    assert str(backend.settings.port(PROMETHEUS)) in again.stdout
    assert backend.process_ids() == before


def test_status_says_that_all_is_ready(backend: Backend) -> None:
    status = backend.command("status")
    assert status.returncode == 0, status.stdout + status.stderr
    states = dict(
        line.split()[:2] for line in status.stdout.replace("live page", "live").splitlines()
    )
    expected = {part.name for part in backend.parts} | {"live"}
    assert states == dict.fromkeys(expected, "ready")


def test_upgrade_check_reads_the_ledger_of_a_running_stack(backend: Backend) -> None:
    checked = backend.command("upgrade-check")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "leave the ledger as it is" in checked.stdout


def test_a_mistake_in_a_rule_is_named_by_reload(backend: Backend) -> None:
    rules = backend.settings.root / "prometheus/rules/own.yml"
    rules.write_text("groups: [{name: own, rules: [{alert: Own, expr: ')'}]}]\n")
    try:
        reloaded = backend.command("reload")
        assert reloaded.returncode == 1
        assert "prometheus keeps its old configuration" in reloaded.stderr
        assert re.search(r'own\.yml: .*"Own": could not parse expression', reloaded.stderr)
    finally:
        rules.unlink()


def test_a_new_secret_is_taken_in_by_reload(backend: Backend) -> None:
    secret = backend.settings.secrets_dir / "slack_webhook_url"
    secret.write_text("http://127.0.0.1:9/hook\n")
    try:
        reloaded = backend.command("reload")
        assert reloaded.returncode == 0, reloaded.stdout + reloaded.stderr
        assert stat.S_IMODE(secret.stat().st_mode) == 0o640
        configuration = get(ALERTMANAGER.url(backend.settings, "/api/v2/status"))["config"][
            "original"
        ]
        assert "slack_webhook_url" in configuration
        assert get(PROMETHEUS.url(backend.settings, "/api/v1/alertmanagers"))["data"][
            "activeAlertmanagers"
        ]
    finally:
        secret.unlink()
    assert backend.command("reload").returncode == 0
    assert (
        "slack_webhook_url"
        not in get(ALERTMANAGER.url(backend.settings, "/api/v2/status"))["config"]["original"]
    )


def test_a_result_can_be_uploaded_once_there_is_a_token(backend: Backend, tmp_path: Path) -> None:
    path, token = tmp_path / "orbit-upload.json", "made-up-token-of-the-tests"
    path.write_text(json.dumps(run_of(PerfSuiteBenchmark("uploaded", 0.05, 1.0, 0.0), 1)))
    exporter = Exporter(EXPORTER.url(backend.settings), token, timeout_seconds=30.0)
    with pytest.raises(DeliveryError, match="uploads are off"):
        push([path], exporter, {})
    tokens = backend.settings.secrets_dir / "exporter" / "upload_tokens"
    before = tokens.read_text()
    # As an editor does it, which a file that is mounted by itself would not show.
    written = tokens.with_suffix(".new")
    written.write_text(f"{before}ci {token}\n")
    written.chmod(0o640)
    written.replace(tokens)
    try:
        assert push([path], exporter, {})
        until(
            lambda: value(backend, 'speedup_ratio{benchmark_name="uploaded",percentile="p50"}'),
            METRIC_SECONDS,
            "the speedup",
        )
    finally:
        tokens.write_text(before)


def test_githubs_webhook_is_counted_once_there_is_a_secret(backend: Backend) -> None:
    port = backend.settings.port(EXPORTER)
    assert deliver(port, completed()).status == 403
    secrets = backend.settings.secrets_dir / "exporter" / "github_webhook_secret"
    before = secrets.read_text()
    secrets.write_text(f"{before}router {SECRET}\n")
    try:
        assert deliver(port, completed()).status == 201
        until(
            lambda: value(backend, 'ci_pipeline_duration_seconds{pipeline="octo/router/CI"}'),
            METRIC_SECONDS,
            "the duration",
        )
    finally:
        secrets.write_text(before)


def test_containers_may_do_no_more_than_they_need(backend: Backend) -> None:
    if not isinstance(backend, Compose):
        pytest.skip("the stack as processes has no containers")

    def healthy(part: Part) -> bool | None:
        return backend.inspect(part.name, "{{.State.Health.Status}}") == "healthy" or None

    for part in backend.parts:
        # The engine asks again some seconds after a part has been killed.
        until(partial(healthy, part), HEALTHY_SECONDS, f"{part.name} is healthy")
        assert backend.inspect(part.name, "{{.HostConfig.ReadonlyRootfs}}") == "true", part.name
        assert backend.inspect(part.name, "{{.HostConfig.CapDrop}}") == "[ALL]", part.name
        options = backend.inspect(part.name, "{{.HostConfig.SecurityOpt}}")
        assert options == "[no-new-privileges:true]", part.name
        assert backend.inspect(part.name, "{{.Config.User}}") not in ("", "root", "0"), part.name
        assert backend.inspect(part.name, "{{.HostConfig.Memory}}") != "0", part.name
        ports = backend.inspect(part.name, "{{json .HostConfig.PortBindings}}")
        assert '"HostIp":"127.0.0.1"' in ports, part.name
    mounts = json.loads(backend.inspect(EXPORTER.name, "{{json .Mounts}}"))
    assert [mount["RW"] for mount in mounts if mount["Destination"] == "/results"] == [False]


def test_no_container_has_a_volume_without_a_name(backend: Backend) -> None:
    if not isinstance(backend, Compose):
        pytest.skip("the stack as processes has no containers")
    # Down leaves those without a name behind. alertmanager_config has ended, and is still there.
    for name in (*(part.name for part in backend.parts), "alertmanager_config"):
        mounts = json.loads(backend.inspect(name, "{{json .Mounts}}"))
        volumes = [mount["Name"] for mount in mounts if mount["Type"] == "volume"]
        assert all(volume.startswith(f"{backend.project}_") for volume in volumes), name


def test_the_network_of_the_machine_is_shown_not_that_of_a_container(backend: Backend) -> None:
    text = get_text(NODE_EXPORTER.url(backend.settings, "/metrics"))
    series = r'^node_network_receive_bytes_total\{device="([^"]+)"\}'
    shown = set(re.findall(series, text, re.MULTILINE))
    lines = Path("/proc/1/net/dev").read_text().splitlines()[2:]
    devices = {line.partition(":")[0].strip() for line in lines}
    # By node_exporter/flags.txt.
    expected = {one for one in devices if not re.fullmatch(r"lo|docker.*|br-.*|veth.*", one)}
    assert shown == expected


def test_the_parts_under_test_are_all_there_are(backend: Backend) -> None:
    assert {part.name for part in PARTS} - {part.name for part in backend.parts} <= {"grafana"}
