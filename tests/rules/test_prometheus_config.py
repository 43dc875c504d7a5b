"""prometheus.yml, set up as each mode does.

promtool accepts it, and a real Prometheus scrapes the real exporter with it.
"""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from benchmark_exporter.config import Config
from tests.rules.prometheus_server import (
    COMPOSE_TARGETS,
    DEADLINE_SECONDS,
    PROMETHEUS,
    ROOM_FOR_RESOURCES,
    Server,
    answers,
    lay_out,
    wait_until,
)
from tests.rules.promql import metric_names
from tests.support.paths import REPOSITORY


@pytest.mark.parametrize(
    "addresses", [None, {"exporter": "127.0.0.1:8000"}], ids=["compose", "local"]
)
def test_promtool_accepts_the_configuration(
    programs: Mapping[str, Sequence[str]], tmp_path: Path, addresses: Mapping[str, str] | None
) -> None:
    path = lay_out(tmp_path / "prometheus", addresses)
    done = subprocess.run(
        [*programs["promtool"], "check", "config", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    assert "WARNING" not in output  # about a missing target file
    assert f"{len(list((PROMETHEUS / 'rules').glob('*.yml')))} rule files found" in output


def test_every_target_is_a_service_of_compose() -> None:
    services = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text(encoding="utf-8"))[
        "services"
    ]
    targets = [
        target
        for path in COMPOSE_TARGETS
        for group in yaml.safe_load(path.read_text())
        for target in group["targets"]
    ]
    assert {target.partition(":")[0] for target in targets} <= services.keys()
    # A service publishes the port that it listens on.
    for target in targets:
        service, _, port = target.partition(":")
        assert [
            published for published in services[service]["ports"] if published.endswith(f":{port}")
        ], target


def test_every_target_file_is_used() -> None:
    text = (PROMETHEUS / "prometheus.yml").read_text(encoding="utf-8")
    assert set(re.findall(r"targets/([\w-]+\.yml)", text)) == {
        path.name for path in COMPOSE_TARGETS
    }


def test_instance_does_not_depend_on_the_mode() -> None:
    groups = [
        group
        for path in COMPOSE_TARGETS
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))
    ]
    assert all(len(group["targets"]) == 1 and group["labels"]["instance"] for group in groups)


@pytest.mark.parametrize("job_name", ["benchmark-exporter", "benchmark-exporter-slow"])
def test_the_exporter_stays_below_the_scrape_limits(job_name: str) -> None:
    configuration = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text(encoding="utf-8"))
    (job,) = (job for job in configuration["scrape_configs"] if job["job_name"] == job_name)
    settings = Config()
    assert settings.max_series + ROOM_FOR_RESOURCES <= job["sample_limit"]
    assert settings.max_label_bytes <= job["label_value_length_limit"]


def keep_list(job_name: str) -> str:
    """Return the metric names that a job keeps, as a regular expression."""
    configuration = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text(encoding="utf-8"))
    (job,) = (job for job in configuration["scrape_configs"] if job["job_name"] == job_name)
    (relabeling,) = job["metric_relabel_configs"]
    assert relabeling["source_labels"] == ["__name__"]
    assert relabeling["action"] == "keep"
    expression: str = relabeling["regex"]
    return expression


def used_by_rules(prefix: str) -> set[str]:
    """Return the metrics of one program that the rules use."""
    return {
        name
        for path in (PROMETHEUS / "rules").glob("*.yml")
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
        for rule in group["rules"]
        for name in metric_names(rule["expr"])
        if name.startswith(prefix)
    }


@pytest.mark.parametrize("job_name", ["alertmanager", "prometheus"])
def test_what_the_rules_use_is_kept(job_name: str) -> None:
    used = used_by_rules(f"{job_name}_")
    assert used
    assert not [name for name in used if not re.fullmatch(keep_list(job_name), name)]


MINUTE_SECONDS = 60.0
# Missing where the processor does not count throttling, as in virtual machines, or the kernel has
# no pressure stall information.
NOT_EVERYWHERE = {"node_cpu_core_throttles_total", "node_pressure_memory_waiting_seconds_total"}


def test_node_exporter_exposes_what_the_rules_use(
    programs: Mapping[str, Sequence[str]], free_port: Callable[[], int]
) -> None:
    address = f"127.0.0.1:{free_port()}"
    flags = REPOSITORY / "node_exporter/flags.txt"
    process = subprocess.Popen(
        [*programs["node_exporter"], f"@{flags}", f"--web.listen-address={address}"]
    )
    try:
        wait_until(lambda: answers(f"http://{address}/metrics"), "node_exporter")
        lines = requests.get(
            f"http://{address}/metrics", timeout=DEADLINE_SECONDS
        ).text.splitlines()
    finally:
        process.terminate()
        process.wait(DEADLINE_SECONDS)
    exposed = {re.split(r"[{ ]", line)[0] for line in lines if not line.startswith("#")}
    # Where the only file system is a container's, node_exporter exposes none.
    here = {
        name
        for name in used_by_rules("node_")
        if not name.startswith("node_filesystem_") or "node_filesystem_size_bytes" in exposed
    }
    assert here - exposed <= NOT_EVERYWHERE


@pytest.fixture(scope="module")
def server(
    programs: Mapping[str, Sequence[str]],
    free_port: Callable[[], int],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Server]:
    """Prometheus with prometheus.yml, and with itself and the exporter as targets."""
    folder = tmp_path_factory.mktemp("live")
    exporter, prometheus = (f"127.0.0.1:{free_port()}" for _ in range(2))
    path = lay_out(folder / "prometheus", {"exporter": exporter, "prometheus": prometheus})
    (folder / "results").mkdir()
    commands = [
        [
            sys.executable,
            "-m",
            "benchmark_exporter",
            "serve",
            f"--listen={exporter}",
            "--stream-listen=off",
        ],
        [
            *programs["prometheus"],
            f"--config.file={path}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address={prometheus}",
        ],
    ]
    processes = [subprocess.Popen(command, cwd=folder) for command in commands]
    try:
        yield Server(f"http://{prometheus}", processes[-1].pid)
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(DEADLINE_SECONDS)


def test_only_the_state_of_results_is_scraped_every_second(server: Server) -> None:
    # At the interval of the other jobs, three samples would take half a minute.
    wait_until(
        lambda: (server.value('sum_over_time(up{job="benchmark-exporter"}[5s])') or 0) >= 3,
        "three scrapes",
    )
    assert (
        server.value(
            'benchmark_exporter_build_info{job="benchmark-exporter", instance="benchmark-exporter"}'
        )
        == 1
    )
    assert server.value('memory_usage_mb{job="benchmark-exporter"}') is None
    targets = {
        target["labels"]["job"]: target
        for target in server.get("targets", state="active")["activeTargets"]
    }
    assert {
        job: (target["scrapeInterval"], target["scrapeUrl"].partition("/metrics")[2])
        for job, target in targets.items()
    } == {
        "benchmark-exporter": ("1s", "?collect%5B%5D=state&scraper=stack&sparse=1"),
        "benchmark-exporter-slow": (
            "30s",
            "?collect%5B%5D=distributions&collect%5B%5D=resources&scraper=stack&sparse=1",
        ),
        "prometheus": ("15s", ""),
    }


def test_every_rule_is_evaluated_without_error(server: Server) -> None:
    def groups() -> Any:
        return (server.get("rules") or {"groups": []})["groups"]

    def unknown() -> Sequence[str]:
        """The rules that are evaluated once a minute at least, and have not been yet."""
        return [
            rule["name"]
            for group in groups()
            for rule in group["rules"]
            if rule["health"] == "unknown" and group["interval"] <= MINUTE_SECONDS
        ]

    wait_until(lambda: bool(groups()) and not unknown(), "evaluations", 3 * MINUTE_SECONDS)
    assert not [
        (rule["name"], rule["lastError"])
        for group in groups()
        for rule in group["rules"]
        if rule["health"] == "err"
    ]
    assert {group["name"]: group["interval"] for group in groups()}["performance"] == 0.5


def test_prometheus_keeps_only_the_listed_ones_of_its_own_metrics(server: Server) -> None:
    names = {re.split(r"[{ ]", line)[0] for line in server.metrics() if not line.startswith("#")}
    kept = {name for name in names if re.fullmatch(keep_list("prometheus"), name)}
    # It has none of these without an Alertmanager, or without a store to write to.
    of_others = {
        "prometheus_notifications_errors_total",
        "prometheus_notifications_sent_total",
        "prometheus_remote_storage_queue_highest_sent_timestamp_seconds",
        "prometheus_remote_storage_samples_failed_total",
    }
    assert used_by_rules("prometheus_") - of_others <= kept
    assert {"prometheus_tsdb_head_series", "process_resident_memory_bytes"} <= kept
    assert len(kept) < len(names) / 5
