"""Both modes start the same servers with the same options."""

from pathlib import Path

import pytest
import yaml

from stack import internal, settings
from stack.compose import engine_answers
from stack.local import LocalStack
from stack.prepare import prepare
from stack.settings import ALERTMANAGER, EXPORTER, GRAFANA, PROMETHEUS
from tests.stack.checkouts import write_env
from tests.stack.composed import compose_configuration
from tests.support.paths import REPOSITORY


def test_a_docker_that_may_not_be_run_is_no_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "docker").write_text("#!/bin/sh\n")  # without the right to run it
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not engine_answers()


def test_servers_know_their_public_addresses_in_both_modes(equipped: Path) -> None:
    write_env(equipped, "PUBLIC_HOST=perf.example.org")
    values = settings.load(equipped, environ={})
    processes = LocalStack(values).processes
    services = compose_configuration(values)["services"]
    for process in processes.all():
        if process.part in (PROMETHEUS, ALERTMANAGER):
            command, url = services[process.part.name]["command"], values.public_url(process.part)
            assert command[command.index("--web.external-url") + 1] == url
            assert f"--web.external-url={url}" in process.argv
        if process.part is EXPORTER:
            given = dict(
                option.removeprefix("--").split("-url=")
                for option in process.argv
                if "-url=" in option
            )
            assert given.pop("alertmanager-api") == internal.url(ALERTMANAGER, values)
            here = {f"BENCHMARK_EXPORTER_{name.upper()}_URL": url for name, url in given.items()}
            environment = services["exporter"]["environment"]
            in_compose = {name: url for name, url in environment.items() if name.endswith("_URL")}
            api = in_compose.pop("BENCHMARK_EXPORTER_ALERTMANAGER_API_URL")
            assert api == "http://alertmanager:9093"
            # Here the exporter links to Grafana only where it is installed.
            grafana = {"BENCHMARK_EXPORTER_GRAFANA_URL": values.public_url(GRAFANA)}
            assert here | grafana == in_compose
        if process.part is PROMETHEUS:
            assert services["prometheus"]["environment"] == process.environment
    grafana_url = values.public_url(GRAFANA)
    assert services["grafana"]["environment"]["GF_SERVER_ROOT_URL"] == grafana_url
    assert processes.grafana_environment()["GF_SERVER_ROOT_URL"] == grafana_url


@pytest.mark.parametrize("weekly", ["", "mon 09:00"])
def test_the_time_of_the_weekly_digest_reaches_the_exporter_in_both_modes(
    equipped: Path, weekly: str
) -> None:
    write_env(equipped, f"WEEKLY_DIGEST={weekly}")
    values = settings.load(equipped, environ={})
    environment = compose_configuration(values)["services"]["exporter"]["environment"]
    assert environment["BENCHMARK_EXPORTER_WEEKLY_DIGEST"] == weekly
    (exporter,) = (each for each in LocalStack(values).processes.all() if each.part is EXPORTER)
    found = [word for word in exporter.argv if word.startswith("--weekly-digest")]
    assert found == ([f"--weekly-digest={weekly}"] if weekly else [])


def test_every_setting_of_a_channel_reaches_alertmanager_in_local_mode(equipped: Path) -> None:
    language = {"ALERT_LANGUAGE": "ja"}
    chosen = {
        "ALERT_EMAIL_TO": "team@example.org",
        "PAGERDUTY_URL": "https://events.eu.pagerduty.com/v2/enqueue",
        "SMTP_FROM": "alerts@example.org",
        "SMTP_REQUIRE_TLS": "false",
        "SMTP_SMARTHOST": "smtp.example.org:587",
        "SMTP_USERNAME": "alerts",
    }
    services = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())["services"]
    set_here = chosen | language
    assert set_here.keys() == services["alertmanager_config"]["environment"].keys()
    write_env(equipped, "\n".join(f"{name}={value}" for name, value in set_here.items()))
    values = settings.load(equipped, environ={})
    for secret in ("pagerduty_routing_key", "smtp_password"):
        (values.secrets_dir / secret).write_text("made-up")
    assert list(prepare(values))
    assert list(LocalStack(values).render())
    rendered = yaml.safe_load((equipped / ".local/alertmanager/alertmanager.yml").read_text())
    receivers = {each["name"]: each for each in rendered["receivers"]}
    options = {
        **receivers["pagerduty"]["pagerduty_configs"][0],
        **receivers["email"]["email_configs"][0],
    }
    names = ("to", "url", "from", "require_tls", "smarthost", "auth_username")
    expected = [False if value == "false" else value for value in chosen.values()]
    assert [options[name] for name in names] == expected
    assert rendered["templates"][-1] == str(equipped / "alertmanager/templates/ja/*.tmpl")


@pytest.mark.parametrize(
    ("part", "only_in_one"),
    [
        ("prometheus", {"--web.listen-address"}),
        ("alertmanager", {"--web.listen-address"}),
        (
            "node_exporter",
            {
                *("--web.listen-address", "--path.rootfs", "--path.udev.data", "--path.procfs"),
                "--no-collector.netdev.netlink",
            },
        ),
    ],
)
def test_both_modes_give_a_server_the_same_options(
    equipped: Path, part: str, only_in_one: set[str]
) -> None:
    services = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())["services"]
    processes = LocalStack(settings.load(equipped, environ={})).processes.all()
    [argv] = [process.argv for process in processes if process.part.name == part]

    def options(words: list[str]) -> set[str]:
        return {word.partition("=")[0] for word in words if word.startswith("--")}

    assert options(services[part]["command"]) ^ options(list(argv)) == only_in_one


def test_alerts_are_sent_again_equally_often_in_both_modes(equipped: Path) -> None:
    services = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())["services"]
    processes = LocalStack(settings.load(equipped, environ={})).processes.all()
    [argv] = [process.argv for process in processes if process.part is PROMETHEUS]
    here, in_compose = (
        {word for word in words if word.startswith("--rules.")}
        for words in (argv, services["prometheus"]["command"])
    )
    assert here == in_compose
    assert "--rules.alert.resend-delay=10s" in here
