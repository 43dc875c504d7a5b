"""The stack's credential: with it alone, the parts answer on their internal addresses.

`make up` makes it once, as secrets/stack_credential, and from it what the parts read, in a folder
of the checkout's state:

credential  the secret, for Prometheus' scrapes, the exporter and Grafana's data sources
basic       the user and the secret as basic authentication sends them, for health checks
web.yml     the web configuration of Prometheus, Alertmanager and node_exporter, with its hash
http.yml    with which amtool in Alertmanager's container sends it

All are read again at each request, but by Grafana, which is restarted.
"""

import base64
import os
import secrets
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import bcrypt
import yaml

from benchmark_exporter.atomic_write import write_file
from stack import exporters
from stack.settings import Settings

FILE = "stack_credential"
USER = "stack"
FOLDER = "internal"
# The lowest that bcrypt has. Its work slows down guessing, and nobody guesses 256 random bits.
BCRYPT_ROUNDS = 4
# Where the containers have the folder.
IN_CONTAINER = "/etc/stack-internal"
CLIENT = {"basic_auth": {"username": USER, "password_file": f"{IN_CONTAINER}/credential"}}


def folder(settings: Settings) -> Path:
    """Where the parts read it."""
    return settings.state_dir / FOLDER


def read(settings: Settings) -> str:
    """The secret; empty before `make up` has made one."""
    try:
        return (settings.secrets_dir / FILE).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return ""


def basic(settings: Settings) -> str:
    """The user and the secret, as an Authorization header has them after `Basic`."""
    return base64.b64encode(f"{USER}:{read(settings)}".encode()).decode()


def digest(settings: Settings) -> str:
    """Another one with another secret, and of no use to guess it."""
    return sha256(read(settings).encode()).hexdigest()[:12]


def scrape_digest(settings: Settings) -> str:
    """The same of everything that Prometheus scrapes with.

    Prometheus 3.5 sends what it read for a target's first scrape until it is restarted.
    """
    tokens = sorted((settings.secrets_dir / exporters.CREDENTIALS).glob("*.token"))
    secrets = (read(settings).encode(), *(token.read_bytes() for token in tokens))
    return sha256(b"\0".join(secrets)).hexdigest()[:12]


def make(settings: Settings) -> Iterator[str]:
    """Make the secret if there is none, and write what the parts read where it has changed.

    Yields a line for a new secret.

    Raises:
        OSError: something cannot be written.
    """
    file = settings.secrets_dir / FILE
    if not read(settings):
        file.touch(mode=0o640)
        file.write_text(f"{secrets.token_urlsafe(32)}\n", encoding="utf-8")
        yield f"made the stack's credential: {file.relative_to(settings.root)}"
    target = folder(settings)
    target.mkdir(exist_ok=True)
    share(target, settings)
    write_shared(target / "credential", read(settings), settings)
    write_shared(target / "basic", basic(settings), settings)
    write_shared(target / "http.yml", yaml.safe_dump(CLIENT), settings)
    web = target / "web.yml"
    if not _is_hashed(web, read(settings)):
        hashed = bcrypt.hashpw(read(settings).encode(), bcrypt.gensalt(BCRYPT_ROUNDS)).decode()
        write_shared(web, yaml.safe_dump({"basic_auth_users": {USER: hashed}}), settings)


def write_shared(path: Path, text: str, settings: Settings) -> None:
    """Replace a file, if its content changes, that only the user and the containers may read."""
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        write_file(path, text.encode(), mode=0o640)
    share(path, settings)


def share(path: Path, settings: Settings) -> None:
    """Open a file or folder to the group that containers join, and to nobody else."""
    group = settings.secrets_dir.stat().st_gid
    if path.stat().st_gid != group:
        os.chown(path, -1, group)
    path.chmod(0o750 if path.is_dir() else 0o640)


def _is_hashed(web: Path, secret: str) -> bool:
    """Whether a web configuration has the secret's hash."""
    try:
        hashed = yaml.safe_load(web.read_text(encoding="utf-8"))["basic_auth_users"][USER]
        return bcrypt.checkpw(secret.encode(), hashed.encode())
    except (OSError, ValueError, TypeError, KeyError, AttributeError, yaml.YAMLError):
        return False
