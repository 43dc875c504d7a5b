"""What .env may say, and what `make up` says of mistakes in it."""

import re
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from stack import high_availability, settings
from stack.settings import LISTENERS, NODE_EXPORTER, VMAUTH, StackError
from tests.stack.checkouts import run_stack, write_env
from tests.stack.composed import compose_configuration
from tests.support.paths import REPOSITORY

# Without waiting for any start or retry, which take longer. The machine may be busy.
NAMED_SECONDS = 10.0


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("PROMETHEUS_PROT=9091", "PROMETHEUS_PROT in .env is not a setting"),
        ("PROMETHEUS_PORT=http", "PROMETHEUS_PORT must be a number from 1 to 65535, not 'http'"),
        ("PROMETHEUS_PORT=70000", "PROMETHEUS_PORT must be a number from 1 to 65535, not '70000'"),
        ("PROMETHEUS_PORT=²", "PROMETHEUS_PORT must be a number from 1 to 65535, not '²'"),
        (
            "EXPORTER_PORT=9090\nPROMETHEUS_PORT=9090",
            "EXPORTER_PORT and PROMETHEUS_PORT must be different ports; both are 9090",
        ),
        ("MODE=kubernetes", "MODE must be 'compose' or 'local', not 'kubernetes'"),
        ("COMPOSE_PROJECT_NAME=Team A", "COMPOSE_PROJECT_NAME must be lower-case letters"),
        ("BIND_ADDRESS=localhost", "BIND_ADDRESS must be an IPv4 address of this machine"),
        ("BENCHMARK_ENVIRONMENT=" + 101 * "x", "must be 1 to 100 printable characters"),
        (
            "RESULTS_DIR=~/results",
            "RESULTS_DIR must be a folder, with a home folder written in full, not '~/results'",
        ),
        ("ALERT_LANGUAGE=jp", "ALERT_LANGUAGE must be 'en' or 'ja', not 'jp'"),
        ("BACKUP_MAX_AGE_DAYS=weekly", "BACKUP_MAX_AGE_DAYS must be a number of days like 8, or"),
        ("BACKUP_MAX_AGE_DAYS=-1", "BACKUP_MAX_AGE_DAYS must be a number of days like 8, or 0"),
        ("WEEKLY_DIGEST=monday 9:00", "WEEKLY_DIGEST must be a day and a time like 'mon 09:00'"),
        ("PUBLIC_HOST=http://perf.example.org", "PUBLIC_HOST must be a host name or address"),
        ("PUBLIC_HOST=2001:db8::1", "like perf.example.org or [2001:db8::1], not '2001:db8::1'"),
        (
            "PUBLIC_GRAFANA_URL=perf.example.org/grafana",
            "PUBLIC_GRAFANA_URL must be the address of a server",
        ),
        (
            "PUBLIC_GRAFANA_URL=https://admin:secret@perf.example.org",
            "PUBLIC_GRAFANA_URL must be the address of a server",
        ),
        (
            "PROMETHEUS_RETENTION_TIME=soon",
            "PROMETHEUS_RETENTION_TIME must be a duration like 30d or 12h, not 'soon'",
        ),
        ("PROMETHEUS_RETENTION_TIME=0d", "PROMETHEUS_RETENTION_TIME must be a duration"),
        ("PROMETHEUS_RETENTION_TIME=300y", "PROMETHEUS_RETENTION_TIME must be a duration"),
        ("PROMETHEUS_RETENTION_SIZE=1 GB", "PROMETHEUS_RETENTION_SIZE must be a size like 512MB"),
        ("SMTP_SMARTHOST=smtp.example.org", "SMTP_SMARTHOST must be host:port"),
        ("SMTP_FROM=a@b.example, c@d.example", "SMTP_FROM must be one email address"),
        ("SMTP_REQUIRE_TLS=yes", "SMTP_REQUIRE_TLS must be 'true' or 'false', not 'yes'"),
        ("ALERT_EMAIL_TO=team", "ALERT_EMAIL_TO must be email addresses, or empty, not 'team'"),
        ("PAGERDUTY_URL=events.pagerduty.com", "PAGERDUTY_URL must be an http(s) URL"),
        ("PROMETHEUS_IMAGE=Prometheus", "PROMETHEUS_IMAGE must be an image's name"),
        ("BUILD_CA_BUNDLE=/nowhere.pem", "BUILD_CA_BUNDLE must be a file, or empty"),
    ],
)
def test_a_mistake_in_env_is_named(folder: Path, line: str, named: str) -> None:
    write_env(folder, line)
    with pytest.raises(StackError) as raised:
        settings.load(folder, environ={})
    assert [named in each for each in str(raised.value).splitlines()] == [True]


def test_all_mistakes_are_named_at_once_before_anything_starts(folder: Path) -> None:
    for line in ("MODE=x", "PROMETHEUS_RETENTION_TIME=soon", "EXPORTER_PORT=0", "SOME_PORT=1"):
        write_env(folder, line)
    started = time.monotonic()
    up = run_stack(folder, "up")
    assert time.monotonic() - started < NAMED_SECONDS
    assert up.returncode == 1
    assert up.stdout == ""
    names = [line.split()[0] for line in up.stderr.strip().splitlines()]
    assert names == ["SOME_PORT", "EXPORTER_PORT", "MODE", "PROMETHEUS_RETENTION_TIME"]
    assert not (folder / ".local").exists()


@pytest.mark.parametrize(
    "line",
    [
        *("PROMETHEUS_RETENTION_TIME=1d12h", "PROMETHEUS_RETENTION_TIME=90s"),
        *("PROMETHEUS_RETENTION_SIZE=0", "PROMETHEUS_RETENTION_SIZE=1.5GB"),
        *("GRAFANA_IMAGE=", "PROMETHEUS_IMAGE=localhost:5000/team/prometheus@sha256:" + 64 * "a"),
        *("ALERT_EMAIL_TO=Team <team@example.org>, other@example.org", "BIND_ADDRESS=0.0.0.0"),
        *("PUBLIC_HOST=[2001:db8::1]", "PUBLIC_GRAFANA_URL=https://perf.example.org/grafana/"),
    ],
)
def test_what_is_valid_is_accepted(folder: Path, line: str) -> None:
    write_env(folder, line)
    name, _, value = line.partition("=")
    assert settings.load(folder, environ={})[name] == value


def test_every_setting_of_compose_is_in_the_example() -> None:
    used = {
        name
        for path in REPOSITORY.glob("docker-compose*.yml")
        for name in re.findall(r"\$\{([A-Z_]+)", path.read_text())
    }
    # What the stack's commands reckon.
    assert used - settings.defaults().values.keys() == {
        *("SECRETS_GID", "HOST_PRESSURE_DIR", "STACK_CREDENTIAL_DIGEST", "HISTORY_URL"),
        "SCRAPE_SECRETS_DIGEST",
        "INTERNAL_VICTORIAMETRICS_PORT",
        *(f"INTERNAL_{part.port_setting}" for part in LISTENERS),
        *(f"INTERNAL_{part.name.upper()}_PORT" for part in high_availability.ADDED),
    }


def test_images_have_exact_tags_in_the_example_alone() -> None:
    images = {
        name: value for name, value in settings.defaults().values.items() if name.endswith("_IMAGE")
    }
    assert len(images) == 9
    assert all(re.fullmatch(r"[\w/-]+:v?\d+\.\d+[\w.-]*", image) for image in images.values())
    compose = "".join(path.read_text() for path in REPOSITORY.glob("docker-compose*.yml"))
    assert not [image for image in images.values() if image.partition(":")[2] in compose]


def test_the_defaults_are_those_of_the_example_whatever_env_says(folder: Path) -> None:
    write_env(folder, "EXPORTER_PORT=8001\nPUBLIC_HOST=perf.example.org")
    assert settings.defaults(folder) == settings.Settings(folder, settings.defaults().values)
    assert settings.defaults(folder)["EXPORTER_PORT"] == "8000"


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (
            {},
            {
                "exporter": "http://localhost:8000",
                "stream": "http://localhost:8765",
                "grafana": "http://localhost:3000",
            },
        ),
        (
            {"PUBLIC_HOST": "perf.example.org", "EXPORTER_PORT": "8001", "GRAFANA_PORT": "3001"},
            {
                "exporter": "http://perf.example.org:8001",
                "prometheus": "http://perf.example.org:9090",
                "grafana": "http://perf.example.org:3001",
            },
        ),
        (
            {
                "PUBLIC_HOST": "[2001:db8::1]",
                "PUBLIC_GRAFANA_URL": "https://perf.example.org/grafana",
            },
            {
                "alertmanager": "http://[2001:db8::1]:9093",
                "grafana": "https://perf.example.org/grafana",
            },
        ),
    ],
    ids=["default", "host", "proxy"],
)
def test_both_modes_have_the_same_public_addresses(
    folder: Path, chosen: Mapping[str, str], expected: Mapping[str, str]
) -> None:
    (folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in chosen.items()))
    values = settings.load(folder, environ={})
    public = {part.name: values.public_url(part) for part in LISTENERS}
    assert expected.items() <= public.items()
    in_compose = compose_configuration(values)["x-public-urls"]
    # Nothing links to these.
    unlinked = {values.public_url(part) for part in (NODE_EXPORTER, VMAUTH)}
    assert set(in_compose) == set(public.values()) - unlinked


def test_a_slash_at_the_end_of_an_address_is_left_out(folder: Path) -> None:
    write_env(folder, "PUBLIC_GRAFANA_URL=https://perf.example.org/grafana/")
    values = settings.load(folder, environ={})
    assert values.public_url(settings.GRAFANA) == "https://perf.example.org/grafana"


def test_the_environment_wins_over_env(folder: Path) -> None:
    write_env(folder, "RESULTS_DIR=/of/env")
    assert settings.load(folder, environ={}).results_dir == Path("/of/env")
    chosen = settings.load(folder, environ={"RESULTS_DIR": "/of/environment"})
    assert chosen.results_dir == Path("/of/environment")


def test_a_copy_for_a_test_has_no_secret_of_the_checkout(folder: Path) -> None:
    assert [path.name for path in (folder / "secrets").iterdir()] == ["README.md"]
