"""The addresses behind the proxy, and the configuration that leads to them."""

import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from stack import internal, proxy, proxy_users, settings
from stack.containers import proxy_place
from stack.local import LocalStack
from stack.prepare import prepare
from stack.settings import EXPORTER, INTERNAL, PROMETHEUS, StackError
from tests.stack.checkouts import run_stack, write_env


def test_ports_are_chosen_once_and_differ(folder: Path) -> None:
    values = settings.load(folder, environ={})
    list(prepare(values))
    chosen = internal.ports(values)
    assert chosen.keys() == {part.name for part in INTERNAL}
    assert len(set(chosen.values())) == len(INTERNAL)
    internal.choose(values, ())
    list(prepare(values))
    assert internal.ports(values) == chosen


def test_a_port_that_others_have_taken_is_chosen_again(folder: Path) -> None:
    values = settings.load(folder, environ={})
    list(prepare(values))
    before = internal.ports(values)
    with socket.create_server(("127.0.0.1", before["prometheus"])):
        # By this stack itself, it is kept.
        internal.choose(values, {before["prometheus"]})
        assert internal.ports(values) == before
        internal.choose(values, ())
        after = internal.ports(values)
        assert after["prometheus"] != before["prometheus"]
        assert {**after, "prometheus": 0} == {**before, "prometheus": 0}
        assert internal.address(PROMETHEUS, values) == f"127.0.0.1:{after['prometheus']}"


@pytest.mark.parametrize("text", ["", "[]", '{"exporter": "x"}', "{"])
def test_a_damaged_record_of_ports_is_made_again(folder: Path, text: str) -> None:
    values = settings.load(folder, environ={})
    values.state_dir.mkdir(exist_ok=True)
    (values.state_dir / internal.NAME).write_text(text)
    list(prepare(values))
    assert internal.ports(values).keys() == {part.name for part in INTERNAL}


@pytest.mark.parametrize(
    "chosen",
    [
        {},
        {"PUBLIC_HOST": "[2001:db8::1]", "PROXY_HOSTS": "perf.example.org ci-1"},
        {"PUBLIC_GRAFANA_URL": "https://perf.example.org/grafana", "BIND_ADDRESS": "127.0.0.2"},
        {"PROXY_TLS": "yes", "PUBLIC_HOST": "perf.example.org"},
        {"PROXY_TLS": "yes", "PROXY_TLS_CERT": "a.crt", "PROXY_TLS_KEY": "a.key"},
    ],
    ids=["default", "ipv6", "urls", "tls", "certificate"],
)
def test_caddy_accepts_the_configuration_in_both_modes(
    equipped: Path, programs: Mapping[str, list[str]], chosen: Mapping[str, str]
) -> None:
    for name in ("a.crt", "a.key"):
        (equipped / name).write_text("made-up")
    write_env(equipped, "".join(f"{name}={value}\n" for name, value in chosen.items()))
    values = settings.load(equipped, environ={})
    list(prepare(values))
    for place in (LocalStack(values).processes.proxy_place(), proxy_place(values)):
        proxy.write(values, place)
        file = values.state_dir / proxy.FOLDER / proxy.NAME
        command = [*programs["caddy"], "adapt", "--adapter=caddyfile", f"--config={file}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert proxy.written_digest(values)
        assert file.stat().st_mode & 0o777 == 0o640
    if chosen.get("PROXY_TLS_CERT"):
        before = proxy.written_digest(values)
        (equipped / "a.crt").write_text("renewed")
        proxy.write(values, proxy_place(values))
        assert proxy.written_digest(values) != before
        assert (values.state_dir / "proxy/tls.crt").read_text() == "renewed"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("PROXY_TLS=maybe", "PROXY_TLS must be 'yes' or 'no', not 'maybe'"),
        ("PROXY_HOSTS=http://perf", "PROXY_HOSTS must be host names"),
        ("PROXY_TLS_CERT=.env.example", "PROXY_TLS_CERT and PROXY_TLS_KEY must both be set"),
        ("PROXY_TLS_CERT=gone.crt", "PROXY_TLS_CERT must be a file, or empty"),
    ],
)
def test_mistakes_in_the_settings_are_named(folder: Path, lines: str, message: str) -> None:
    write_env(folder, lines)
    with pytest.raises(StackError, match=message.replace("(", r"\(")):
        settings.load(folder, environ={})


def test_a_line_that_is_no_user_is_named_without_its_content(folder: Path) -> None:
    values = settings.load(folder, environ={})
    list(prepare(values))
    (values.secrets_dir / proxy_users.FILE).write_text("# team\nann:plain-password\n")
    with pytest.raises(StackError, match="line 2: must be NAME:HASH") as caught:
        proxy_users.read(values)
    assert "plain-password" not in str(caught.value)


@pytest.mark.parametrize("name", ["", "a b", "ann:x", "{env.HOME}"])
def test_a_user_needs_a_plain_name(folder: Path, name: str) -> None:
    done = run_stack(folder, "proxy-user", name)
    assert done.returncode == 1
    assert "NAME must be letters" in done.stderr


def test_before_the_first_up_the_published_address_counts(folder: Path) -> None:
    values = settings.load(folder, environ={})
    assert internal.url(EXPORTER, values) == EXPORTER.url(values)
