"""What .env adds to prometheus.yml: stores that Prometheus writes to."""

import shutil
import stat
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from stack import prometheus_config, prometheus_folder, settings
from stack.prepare import prepare
from stack.settings import PARTS, PROMETHEUS, Settings, StackError
from tests.stack.checkouts import write_env
from tests.support.paths import REPOSITORY

URL = "https://mimir.example.org/api/v1/push"


def prepared(folder: Path, *lines: str, **secrets: str) -> Settings:
    """A checkout that is ready to start, with lines in its .env and files in its secrets."""
    for line in lines:
        write_env(folder, line)
    (folder / "secrets").mkdir(exist_ok=True)
    for name, secret in secrets.items():
        (folder / "secrets" / name).write_text(f"{secret}\n")
    values = settings.load(folder, environ={})
    list(prepare(values))
    return values


def written(values: Settings) -> Any:
    """prometheus.yml as the container reads it."""
    folder = values.state_dir / prometheus_config.FOLDER
    return yaml.safe_load((folder / prometheus_config.NAME).read_text())


def test_without_settings_nothing_is_added(folder: Path) -> None:
    values = prepared(folder, "REMOTE_WRITE_TENANT=team-a", remote_write_token="unused")
    made = values.state_dir / prometheus_config.FOLDER
    source = REPOSITORY / "prometheus/prometheus.yml"
    assert (made / "prometheus.yml").read_text() == source.read_text()
    assert not list((made / "remote_write").iterdir())


@pytest.mark.parametrize(
    ("lines", "secrets", "expected"),
    [
        ([], {}, {}),
        (
            ["REMOTE_WRITE_USERNAME=writer"],
            {"remote_write_password": "s3cret"},
            {
                "basic_auth": {
                    "username": "writer",
                    "password_file": "remote_write/remote_write_password",
                }
            },
        ),
        (
            ["REMOTE_WRITE_TENANT=team-a|team-b"],
            {"remote_write_token": "t0ken"},
            {
                "authorization": {
                    "type": "Bearer",
                    "credentials_file": "remote_write/remote_write_token",
                },
                "headers": {"X-Scope-OrgID": "team-a|team-b"},
            },
        ),
    ],
    ids=["none", "password", "token"],
)
def test_a_store_gets_its_credentials_from_files(
    folder: Path, lines: list[str], secrets: Mapping[str, str], expected: Mapping[str, Any]
) -> None:
    values = prepared(folder, f"REMOTE_WRITE_URL={URL}", *lines, **secrets)
    (section,) = written(values)["remote_write"]
    assert section["url"] == URL
    named = ("basic_auth", "authorization", "headers")
    assert {name: section[name] for name in named if name in section} == expected
    made = values.state_dir / prometheus_config.FOLDER
    for name, secret in secrets.items():
        copy = made / "remote_write" / name
        assert (copy.read_text(), stat.S_IMODE(copy.stat().st_mode)) == (secret, 0o640)
        assert secret not in (made / "prometheus.yml").read_text()
        (folder / "secrets" / name).unlink()
        write_env(folder, "REMOTE_WRITE_USERNAME=")
        list(prepare(settings.load(folder, environ={})))
        assert not copy.exists()


@pytest.mark.parametrize(
    ("line", "secrets", "named"),
    [
        ("REMOTE_WRITE_USERNAME=writer", {}, "secrets/remote_write_password must both be set"),
        ("", {"remote_write_password": "x"}, "secrets/remote_write_password must both be set"),
        (
            "REMOTE_WRITE_USERNAME=writer",
            {"remote_write_password": "x", "remote_write_token": "y"},
            "exclude each other",
        ),
    ],
)
def test_credentials_that_cannot_be_used_are_named(
    folder: Path, line: str, secrets: Mapping[str, str], named: str
) -> None:
    with pytest.raises(StackError, match=named):
        prepared(folder, f"REMOTE_WRITE_URL={URL}", line, **secrets)


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("REMOTE_WRITE_URL=mimir.example.org", "REMOTE_WRITE_URL must be an http(s) URL"),
        (
            "REMOTE_WRITE_URL=http://me:pass@vm.example.org/",
            "must be an http(s) URL without a user",
        ),
        ("REMOTE_WRITE_URL=http://vm.example.org:99999/", "REMOTE_WRITE_URL must be an http(s)"),
        ("REMOTE_WRITE_TENANT=a b", "REMOTE_WRITE_TENANT must be letters, digits"),
        ("REMOTE_WRITE_REPLICA=no", "REMOTE_WRITE_REPLICA must be 'drop' or 'keep', not 'no'"),
        ("LONG_TERM_STORE=true", "LONG_TERM_STORE must be 'yes' or 'no', not 'true'"),
        ("LONG_TERM_RETENTION=400", "LONG_TERM_RETENTION must be a number of days"),
        ("LONG_TERM_PORT=9090", "PROMETHEUS_PORT and LONG_TERM_PORT must be different ports"),
    ],
)
def test_a_mistake_is_named(folder: Path, line: str, named: str) -> None:
    write_env(folder, f"PROMETHEUS_PORT=9090\n{line}")
    with pytest.raises(StackError) as raised:
        settings.load(folder, environ={})
    assert named in str(raised.value)


@pytest.mark.parametrize(("choice", "is_dropped"), [("drop", True), ("keep", False)])
def test_labels_for_the_store_alone(folder: Path, choice: str, *, is_dropped: bool) -> None:
    values = prepared(
        folder,
        f"REMOTE_WRITE_URL={URL}",
        f"REMOTE_WRITE_REPLICA={choice}",
        "REMOTE_WRITE_CLUSTER=lab",
    )
    (section,) = written(values)["remote_write"]
    steps = section["write_relabel_configs"]
    assert ({"action": "labeldrop", "regex": "replica"} in steps) is is_dropped
    assert {"target_label": "cluster", "replacement": "lab"} in steps


def test_both_stores_get_everything(folder: Path) -> None:
    values = prepared(folder, f"REMOTE_WRITE_URL={URL}", "LONG_TERM_STORE=yes")
    document = written(values)
    assert [section["url"] for section in document["remote_write"]] == [
        "http://vmauth:8427/api/v1/write",
        URL,
    ]
    jobs = [job["job_name"] for job in document["scrape_configs"]]
    assert jobs[-2:] == ["victoriametrics", "vmauth"]


def test_promtool_accepts_the_configuration_in_both_modes(
    folder: Path, programs: Mapping[str, list[str]]
) -> None:
    values = prepared(
        folder,
        f"REMOTE_WRITE_URL={URL}",
        "REMOTE_WRITE_USERNAME=writer",
        "REMOTE_WRITE_TENANT=team-a",
        "LONG_TERM_STORE=yes",
        "ALERT_LANGUAGE=ja",
        remote_write_password="s3cret",
    )
    local = values.state_dir / "prometheus"
    prometheus_folder.lay_out(values, local, PARTS, programs["prometheus"], PROMETHEUS)
    mounted = values.state_dir / prometheus_config.FOLDER
    # What the container has there from elsewhere.
    shutil.copytree(values.state_dir / "internal", mounted / "internal", dirs_exist_ok=True)
    for configuration in (local / "prometheus.yml", mounted / "prometheus.yml"):
        command = [*programs["promtool"], "check", "config", str(configuration)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
