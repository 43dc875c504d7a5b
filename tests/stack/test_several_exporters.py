"""Four exporters with the same benchmark in four projects, found in four ways, and one stack."""

import json
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from stack import internal
from stack import settings as stack_settings
from stack.local import LocalStack
from stack.prepare import prepare
from stack.settings import ALERTMANAGER, EXPORTER, PROMETHEUS, Part, Settings
from tests.stack.backends import until
from tests.stack.checkouts import checkout, link_programs, ports
from tests.stack.name_server import name_server
from tests.support.documents import result
from tests.support.histories import STEADY
from tests.support.process import Exporter

OWN, BY_FILE, BY_HTTP, BY_DNS = "benchmark-exporter", "file", "http", "dns"
NAME = "_benchmarks._tcp.example.test"
# Prometheus asks the name servers of this file alone. In a copy of it, another path of the same
# length leads to its working folder.
RESOLV_CONF, IN_WORKING_FOLDER = b"/etc/resolv.conf", b"/proc/self/cwd/r"
NAME_SERVER = "127.77.0.53"
SCRAPED_SECONDS, ALERT_SECONDS, DOWN_SECONDS = 120.0, 120.0, 150.0
KNOWN_SECONDS = 150.0  # its rules are evaluated once a minute


@dataclass
class Several:
    """The stack's Prometheus and Alertmanager, and the exporters by how they are found."""

    settings: Settings
    exporters: Mapping[str, Exporter]
    found_by_http: list[str]

    def instance(self, name: str) -> str:
        return name if name == OWN else f"localhost:{self.exporters[name].port}"

    def query(self, expression: str) -> list[dict[str, str]]:
        """The labels of an instant query's series."""
        words = urlencode({"query": expression})
        path = f"/api/v1/query?{words}"
        answer = internal.get_json(PROMETHEUS, self.settings, path)
        return [series["metric"] for series in answer["data"]["result"]]

    def alerts(self, name: str) -> list[dict[str, Any]]:
        """What Alertmanager has of an alert."""
        words = urlencode({"filter": f"alertname={json.dumps(name)}"})
        path = f"/api/v2/alerts?{words}"
        found: list[dict[str, Any]] = internal.get_json(ALERTMANAGER, self.settings, path)
        return found

    def take(self, name: str, milliseconds: Sequence[float], start: int = 0) -> None:
        """Have an exporter's project run its benchmark."""
        for number, value in enumerate(milliseconds, start):
            document = {**result(number, {"parsing": value}), "project": f"of-{name}"}
            part = self.exporters[name].results / f"{number}.part"
            part.write_text(json.dumps(document))
            part.rename(part.with_suffix(".json"))


@pytest.fixture(scope="module")
def several(
    tmp_path_factory: pytest.TempPathFactory,
    programs: Mapping[str, list[str]],
    free_port: Callable[[], int],
) -> Iterator[Several]:
    assert programs
    folder = tmp_path_factory.mktemp("several") / "checkout"
    checkout(folder, {"MODE": "local", **ports(free_port)})
    link_programs(folder)
    settings = stack_settings.load(folder, environ={})
    with ExitStack() as open_files:
        exporters = {
            name: _exporter(folder.with_name(name), free_port())
            for name in (BY_FILE, BY_HTTP, BY_DNS)
        }
        found_by_http = [f"localhost:{exporters[BY_HTTP].port}"]
        url = open_files.enter_context(_targets_by_http(found_by_http))
        _write_discovery(folder, exporters, url)
        list(prepare(settings))
        own = folder.with_name(OWN)
        own.mkdir()
        credential = f"--credential-file={folder / 'secrets/stack_credential'}"
        exporters[OWN] = Exporter(own, internal.ports(settings)[EXPORTER.name], credential)
        try:
            dns = [("localhost.", exporters[BY_DNS].port)]
            open_files.enter_context(name_server(NAME_SERVER, NAME, dns))
        except OSError:  # whoever may not listen on port 53 tests the other ways
            (folder / "prometheus/exporters.d/dns.yml").unlink()
            exporters.pop(BY_DNS).stop()
        for part in (ALERTMANAGER, PROMETHEUS):
            open_files.enter_context(_server(settings, part))
        yield Several(settings, exporters, found_by_http)
        for exporter in exporters.values():
            exporter.stop()


def _exporter(folder: Path, port: int) -> Exporter:
    """One of another team: with a credential and a token of its own, and a public address."""
    folder.mkdir()
    (folder / "credential").write_text(f"made-up-credential-of-{folder.name}")
    (folder / "scrape_tokens").write_text(f"prometheus made-up-token-of-{folder.name}\n")
    return Exporter(
        folder,
        port,
        f"--credential-file={folder / 'credential'}",
        f"--scrape-tokens={folder / 'scrape_tokens'}",
        f"--exporter-url=https://{folder.name}.example.org",
    )


def _write_discovery(folder: Path, exporters: Mapping[str, Exporter], url: str) -> None:
    found = folder / "prometheus/exporters.d"
    (found / "targets").mkdir()
    target = [{"targets": [f"localhost:{exporters[BY_FILE].port}"]}]
    (found / "targets/teams.json").write_text(json.dumps(target))
    (found / "file.yml").write_text("file_sd_configs: [{files: [exporters.d/targets/*.json]}]\n")
    (found / "http.yml").write_text(f"http_sd_configs: [{{url: '{url}', refresh_interval: 1s}}]\n")
    (found / "dns.yml").write_text(
        f"dns_sd_configs: [{{names: [{NAME}], refresh_interval: 5s}}]\n"
        # An SRV record's target ends in a dot.
        "relabel_configs:\n"
        "  - {source_labels: [__address__], regex: '(.+)[.]:(.+)', replacement: '$1:$2',\n"
        "     target_label: instance}\n"
    )
    tokens = folder / "secrets/exporters"
    tokens.mkdir()
    for name in exporters:
        (tokens / f"{name}.token").write_text(f"made-up-token-of-{name}\n")


@contextmanager
def _targets_by_http(targets: list[str]) -> Iterator[str]:
    class Listed(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps([{"targets": targets}]).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Listed) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/exporters"
        server.shutdown()
        thread.join()


@contextmanager
def _server(settings: Settings, part: Part) -> Iterator[None]:
    """One of the stack's own servers, as `make up` starts it."""
    stack = LocalStack(settings)
    list(stack.render())
    [found] = [each for each in stack.processes.all() if each.part is part]
    argv, folder = list(found.argv), settings.root.with_name(f"{part.name}-runs")
    folder.mkdir()
    if part is PROMETHEUS:
        [program] = [n for n, word in enumerate(argv) if word.endswith("/prometheus")][-1:]
        copied = folder / "prometheus"
        data = Path(argv[program]).read_bytes()
        assert len(RESOLV_CONF) == len(IN_WORKING_FOLDER)
        copied.write_bytes(data.replace(RESOLV_CONF, IN_WORKING_FOLDER))
        copied.chmod(0o755)
        (folder / "r").write_text(f"nameserver {NAME_SERVER}\noptions timeout:1 attempts:1\n")
        argv = [str(copied), *argv[program + 1 :]]
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            argv,
            cwd=folder,
            env={**found.environment, "PATH": "/usr/bin:/bin"},
            stdout=output,
            stderr=output,
        )
    try:
        yield
        assert process.poll() is None, log.read_text()
    finally:
        process.terminate()
        process.wait(20)


def test_each_way_finds_an_exporter_for_both_jobs(several: Several) -> None:
    expected = {several.instance(name) for name in several.exporters}

    def found() -> bool | None:
        try:
            shown = several.query('up{job="benchmark-exporter"} == 1')
        except OSError:
            return None
        return {labels["instance"] for labels in shown} == expected or None

    until(found, SCRAPED_SECONDS, f"{expected} are scraped")
    path = "/api/v1/targets?state=active"
    targets = internal.get_json(PROMETHEUS, several.settings, path)["data"]["activeTargets"]
    slow = [one["labels"] for one in targets if one["labels"]["job"] == "benchmark-exporter-slow"]
    assert {labels["instance"] for labels in slow} == expected
    assert len(slow) == len(expected)


def test_dns_was_tried(several: Several) -> None:
    if BY_DNS not in several.exporters:
        pytest.skip("this user may not listen on port 53, which Prometheus asks")
    assert several.query(f'up{{instance="{several.instance(BY_DNS)}"}} == 1')


def test_what_is_worse_in_one_project_is_an_alert_of_its_exporter_alone(several: Several) -> None:
    for name in several.exporters:
        several.take(name, STEADY)
    several.take(BY_HTTP, [1.5, 1.5], start=len(STEADY))
    projects = {f"of-{name}" for name in several.exporters}

    def ran() -> bool | None:
        shown = several.query('benchmark_verdict{state="critical", benchmark_name="parsing"}')
        return {labels["project"] for labels in shown} == projects or None

    until(ran, SCRAPED_SECONDS, "all projects are shown")

    def confirmed() -> list[dict[str, Any]] | None:
        found = several.alerts("PerformanceRegression")
        return [one for one in found if one["labels"]["severity"] == "critical"] or None

    [alert], _ = until(confirmed, ALERT_SECONDS, "the regression is at Alertmanager")
    assert alert["labels"]["project"] == f"of-{BY_HTTP}"
    assert alert["labels"]["instance"] == several.instance(BY_HTTP)
    owner = f"Exporter {several.instance(BY_HTTP)}, https://{BY_HTTP}.example.org."
    assert owner in alert["annotations"]["description"]
    assert {one["labels"]["project"] for one in several.alerts("PerformanceRegression")} == {
        f"of-{BY_HTTP}"
    }
    assert several.alerts("CommonRegression") == []


def test_one_that_is_killed_is_named(several: Several) -> None:
    killed = several.exporters[BY_FILE]
    killed.process.kill()
    killed.process.wait()
    found, _ = until(
        lambda: several.alerts("BenchmarkExporterDown") or None, DOWN_SECONDS, "it is down"
    )
    assert [alert["labels"]["instance"] for alert in found] == [several.instance(BY_FILE)]
    assert found[0]["status"]["state"] == "active"
    assert several.instance(BY_FILE) in found[0]["annotations"]["summary"]


def test_one_that_leaves_its_discovery_does_not_end_its_alert_at_once(several: Several) -> None:
    instance = several.instance(BY_HTTP)
    known = "last_over_time(instance:benchmark_exporter_targets:count[1d])"

    def is_known() -> bool | None:
        return instance in {labels["instance"] for labels in several.query(known)} or None

    until(is_known, KNOWN_SECONDS, "it is noted as a target")
    several.found_by_http.clear()
    # The slow job's end is noted only after two of its intervals.
    state = f'up{{job="benchmark-exporter", instance="{instance}"}}'
    until(lambda: not several.query(state) or None, SCRAPED_SECONDS, "it is no target any more")
    firing = 'ALERTS{alertname="PerformanceRegression", alertstate="firing"}'
    assert [labels["instance"] for labels in several.query(firing)] == [instance]
    assert is_known()
