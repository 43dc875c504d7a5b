"""Caddy alone, with the stack's configuration: its certificates are replaced as documented."""

import shutil
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import create_connection

import pytest

from stack import proxy
from stack import settings as stack_settings
from stack.local import LocalStack
from stack.prepare import prepare
from stack.settings import EXPORTER, PROXY, Settings
from tests.stack.backends import until
from tests.stack.checkouts import write_env

READ_SECONDS = 30.0
# What Caddy has signed for localhost, in its storage.
SIGNED = Path("certificates/local/localhost")


@pytest.fixture
def settings(equipped: Path) -> Settings:
    write_env(equipped, "PROXY_TLS=yes")
    loaded = stack_settings.load(equipped, environ={})
    list(prepare(loaded))
    return loaded


def storage(settings: Settings) -> Path:
    return LocalStack(settings).processes.proxy_data


@contextmanager
def running_proxy(settings: Settings) -> Iterator[None]:
    processes = LocalStack(settings).processes
    proxy.write(settings, processes.proxy_place())
    [caddy] = [each for each in processes.all() if each.part is PROXY]
    log = settings.root / "caddy.log"
    with log.open("a") as output:
        process = subprocess.Popen(
            caddy.argv, env={**caddy.environment}, stdout=output, stderr=output
        )
    try:
        yield
    finally:
        process.terminate()
        assert process.wait(READ_SECONDS) == 0, log.read_text()


def await_trust(settings: Settings, root: Path) -> None:
    """Waits until the certificate is good for localhost by this root."""
    until(lambda: is_trusted(settings, root) or None, READ_SECONDS, f"{root} is trusted")


def is_trusted(settings: Settings, root: Path) -> bool:
    if not root.exists():
        return False
    try:
        context = ssl.create_default_context(cafile=str(root))  # which may be half written
        with create_connection(("127.0.0.1", settings.port(EXPORTER)), timeout=10) as connection:
            context.wrap_socket(connection, server_hostname="localhost").close()
    except OSError:  # not listening yet, or ssl.SSLError
        return False
    return True


def authority(settings: Settings, name: str) -> Path:
    """Has Caddy make an authority; gives a folder with copies of its root and a certificate."""
    copies = settings.root / name
    copies.mkdir()
    with running_proxy(settings):
        await_trust(settings, storage(settings) / proxy.ROOT_CERTIFICATE)
        shutil.copy(storage(settings) / proxy.ROOT_CERTIFICATE, copies / "root.crt")
        for suffix in ("crt", "key"):
            shutil.copy(storage(settings) / SIGNED / f"localhost.{suffix}", copies)
    return copies


def test_the_authority_and_certificates_given_as_files_are_replaced(settings: Settings) -> None:
    first = authority(settings, "first")
    shutil.rmtree(storage(settings))
    second = authority(settings, "second")
    with running_proxy(settings):
        await_trust(settings, second / "root.crt")
        assert not is_trusted(settings, first / "root.crt")

    given = settings.root / "given"
    shutil.copytree(first, given)
    write_env(
        settings.root, "PROXY_TLS_CERT=given/localhost.crt\nPROXY_TLS_KEY=given/localhost.key"
    )
    with_files = stack_settings.load(settings.root, environ={})
    with running_proxy(with_files):
        await_trust(with_files, first / "root.crt")
        assert not is_trusted(with_files, second / "root.crt")
        shutil.copytree(second, given, dirs_exist_ok=True)
        # As `make reload` does.
        proxy.write(with_files, LocalStack(with_files).processes.proxy_place())
        await_trust(with_files, second / "root.crt")
        assert not is_trusted(with_files, first / "root.crt")
