"""What prometheus.yml becomes where further exporters are named."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from stack import prometheus_config, remote_write
from stack import settings as stack_settings
from stack.backup import configuration
from stack.containers import filled_in
from stack.local import LocalStack
from stack.prepare import prepare
from stack.settings import PROMETHEUS, Settings, StackError
from tests.stack.checkouts import run_stack, write_env

HTTP_SD = "http_sd_configs: [{url: 'http://127.0.0.1:1/exporters'}]\nscheme: https\n"


def loaded(folder: Path) -> Settings:
    return stack_settings.load(folder, environ={})


def add_file(folder: Path, name: str, text: str) -> None:
    (folder / "prometheus/exporters.d" / name).write_text(text)


def add_secret(folder: Path, name: str, text: str) -> None:
    path = folder / "secrets/exporters" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


def jobs(folder: Path) -> Mapping[str, Any]:
    """The scrape jobs of other exporters by name, as Prometheus reads them."""
    document = yaml.safe_load(prometheus_config.text(loaded(folder)))
    return {job["job_name"]: job for job in document["scrape_configs"] if "/" in job["job_name"]}


def test_without_others_the_configuration_is_as_it_is_written(folder: Path) -> None:
    written = (folder / "prometheus/prometheus.yml").read_text()
    assert prometheus_config.text(loaded(folder)) == written


def test_an_address_is_scraped_by_both_jobs_as_the_own_exporter_is(folder: Path) -> None:
    write_env(folder, "EXPORTERS=https://perf-a.example.org:8000 10.0.0.7:8000 http://c/perf/")
    add_secret(folder, "perf-a.example.org_8000.token", "a-made-up-token-of-a\n")
    add_secret(folder, "perf-a.example.org_8000.crt", "made up")
    found = jobs(folder)
    assert len(found) == 6
    document = yaml.safe_load((folder / "prometheus/prometheus.yml").read_text())
    for own in document["scrape_configs"][:2]:
        job = found[f"{own['job_name']}/perf-a.example.org_8000"]
        same = own.keys() - {"job_name", "basic_auth", "file_sd_configs"}
        assert {key: job[key] for key in same} == {key: own[key] for key in same}
        assert job["static_configs"] == [{"targets": ["perf-a.example.org:8000"]}]
        assert (job["scheme"], job["metrics_path"]) == ("https", "/metrics")
        assert job["authorization"] == {
            "credentials_file": "exporters/perf-a.example.org_8000.token"
        }
        assert job["tls_config"] == {"ca_file": "exporters/perf-a.example.org_8000.crt"}
        assert job["relabel_configs"] == [{"target_label": "job", "replacement": own["job_name"]}]
        other = found[f"{own['job_name']}/10.0.0.7_8000"]
        assert other["scheme"] == "http"
        # The stack's credential and the tokens of other exporters stay here.
        assert not other.keys() & {"authorization", "basic_auth", "tls_config"}
        assert found[f"{own['job_name']}/c"]["metrics_path"] == "/perf/metrics"


def test_a_file_finds_a_group_and_keeps_its_own_settings(folder: Path) -> None:
    add_file(
        folder,
        "team-a.yml",
        HTTP_SD + "tls_config: {server_name: perf}\nrelabel_configs: [{target_label: team}]\n",
    )
    add_secret(folder, "team-a.token", "a-made-up-token-of-a\n")
    add_secret(folder, "team-a.crt", "made up")
    state, slow = jobs(folder).values()
    for job in (state, slow):
        assert job["http_sd_configs"] == [{"url": "http://127.0.0.1:1/exporters"}]
        assert job["tls_config"] == {"ca_file": "exporters/team-a.crt", "server_name": "perf"}
        assert [each["target_label"] for each in job["relabel_configs"]] == ["team", "job"]
    # By its proxy, a name counts for nothing there.
    assert state["params"] == {"collect[]": ["state"], "sparse": ["1"], "scraper": ["stack"]}


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("a.yml", "scheme: https\n", "must say where exporters are"),
        ("a.yml", "[]\n", "must say where exporters are"),
        ("a.yml", "static_configs: [\n", "is not YAML"),
        ("a.yml", HTTP_SD + "scrape_interval: 5s\n", "scrape_interval is as for the stack's own"),
        ("a.yml", HTTP_SD + "params: {}\n", "params is as for the stack's own"),
        ("perf_1.yml", HTTP_SD, "both in EXPORTERS and in"),
    ],
)
def test_a_mistake_is_named(folder: Path, name: str, text: str, reason: str) -> None:
    write_env(folder, "EXPORTERS=perf:1")
    add_file(folder, name, text)
    with pytest.raises(StackError, match=reason):
        prometheus_config.text(loaded(folder))


def test_a_line_of_scrape_tokens_is_not_a_token(folder: Path) -> None:
    write_env(folder, "EXPORTERS=perf:1")
    add_secret(folder, "perf_1.token", "prometheus a-made-up-token-of-a\n")
    with pytest.raises(StackError, match="must hold one token alone, not 2 words"):
        prometheus_config.text(loaded(folder))


@pytest.mark.parametrize("value", ["ftp://a:1", "a:1 a:1", "http://a:1 a:1", "a:1,b:1", "a:x"])
def test_a_wrong_address_is_refused(folder: Path, value: str) -> None:
    write_env(folder, f"EXPORTERS={value}")
    refused = run_stack(folder, "status")
    assert "EXPORTERS must be addresses like" in refused.stderr


def test_promtool_accepts_the_examples_of_the_readme(
    equipped: Path, programs: Mapping[str, Sequence[str]]
) -> None:
    readme = (equipped / "prometheus/exporters.d/README.md").read_text()
    examples = [block.partition("```")[0] for block in readme.split("```yaml\n")[1:]]
    assert len(examples) == 3
    for number, text in enumerate(examples):
        add_file(equipped, f"example-{number}.yml", text)
        add_secret(equipped, f"example-{number}.token", "a-made-up-token-of-a")
    targets = equipped / "prometheus/exporters.d/targets"
    targets.mkdir()
    (targets / "team-a.json").write_text('[{"targets": ["perf-a:8000"]}]')
    check = run_stack(equipped, "check")
    assert check.returncode == 0, check.stdout + check.stderr
    # As the container has it, but for what is mounted.
    container = equipped / ".local" / prometheus_config.FOLDER
    assert {path.name for path in container.iterdir()} == {
        *prometheus_config.MOUNTED,
        *(prometheus_config.NAME, prometheus_config.RULES, prometheus_config.MEMBERS),
        remote_write.FOLDER,
    }
    done = subprocess.run(
        [
            *(*programs["promtool"], "check", "config", "--syntax-only"),
            str(container / prometheus_config.NAME),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_container_reads_each_path_where_it_is_mounted(folder: Path) -> None:
    compose = yaml.safe_load((folder / "docker-compose.yml").read_text())
    volumes = compose["services"]["prometheus"]["volumes"]
    mounted = {volume.split(":")[1] for volume in volumes}
    assert mounted >= {f"/etc/prometheus/{name}" for name in (*prometheus_config.MOUNTED, "")} - {
        "/etc/prometheus/"
    } | {"/etc/prometheus"}


def test_a_new_token_or_credential_restarts_prometheus(equipped: Path) -> None:
    """Prometheus 3.5 does not read them again by itself, nor with a new configuration."""

    def restarting() -> str:
        processes = LocalStack(loaded(equipped)).processes.all()
        (environment,) = (each.environment for each in processes if each.part is PROMETHEUS)
        digest = environment["SCRAPE_SECRETS_DIGEST"]
        assert filled_in(loaded(equipped), "name")["SCRAPE_SECRETS_DIGEST"] == digest
        return digest

    list(prepare(loaded(equipped)))
    seen = {restarting()}
    add_secret(equipped, "team-a.token", "a-made-up-token-of-a")
    seen.add(restarting())
    add_secret(equipped, "team-a.token", "the-token-that-replaces-it")
    seen.add(restarting())
    (equipped / "secrets/stack_credential").write_text("a-credential-that-replaces-it\n")
    seen.add(restarting())
    assert len(seen) == 4
    assert restarting() in seen
    for name in ("docker-compose.yml", "docker-compose.ha.yml"):
        services = yaml.safe_load((equipped / name).read_text())["services"]
        for service in services.values():
            if "--storage.tsdb.path=/prometheus" in service.get("command", ()):
                assert service["environment"]["SCRAPE_SECRETS_DIGEST"]


def test_files_and_credentials_are_in_a_backup(folder: Path) -> None:
    add_file(folder, "team-a.yml", HTTP_SD)
    add_secret(folder, "team-a.token", "a-made-up-token-of-a")
    list(prepare(loaded(folder)))
    assert "prometheus/exporters.d/team-a.yml" in set(configuration.paths(folder, secrets=False))
    assert "secrets/exporters/team-a.token" in set(configuration.paths(folder, secrets=True))
    assert (folder / "secrets/exporters/team-a.token").stat().st_mode & 0o777 == 0o640
