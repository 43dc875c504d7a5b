"""Who may log in at the proxy: secrets/proxy_users, a name and a bcrypt hash on each line."""

import getpass
import re
import secrets
import sys
from collections.abc import Iterator, Sequence

import bcrypt

from benchmark_exporter.atomic_write import write_file
from stack.settings import Settings, StackError

FILE = "proxy_users"
FIRST_USER = "admin"
FIRST_PASSWORD = "proxy_admin_password"  # noqa: S105  # the file's name
# As htpasswd writes them: name:hash.
LINE = re.compile(r"([A-Za-z0-9_.@-]+):(\$2[aby]\$\d\d\$[./A-Za-z0-9]{53})")
NAME = re.compile(r"[A-Za-z0-9_.@-]+")
# Chosen by people, so guessing has to be slow; the proxy remembers those that it has checked.
BCRYPT_ROUNDS = 10
LEAST_CHARACTERS = 8
# bcrypt ignores what follows.
MOST_BYTES = 72


def read(settings: Settings) -> Sequence[tuple[str, str]]:
    """The users and their hashes.

    Raises:
        StackError: a line is neither empty, a comment nor a user.
    """
    try:
        text = (settings.secrets_dir / FILE).read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    users = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        if (found := LINE.fullmatch(line.strip())) is None:
            raise StackError(
                f"secrets/{FILE}, line {number}: must be NAME:HASH with a bcrypt hash; "
                "`make proxy-user NAME=…` writes one"
            )
        users[found[1]] = found[2]
    return list(users.items())


def make_first(settings: Settings) -> Iterator[str]:
    """Make a user with a random password if there is none and one is needed; yields a line then.

    Raises:
        StackError: the file has a mistake.
    """
    if not settings.has_tls or read(settings):
        return
    password = secrets.token_urlsafe(18)
    _write(settings, FIRST_PASSWORD, f"{password}\n")
    _set(settings, FIRST_USER, password)
    yield f"made a user {FIRST_USER} of the proxy: the password is in secrets/{FIRST_PASSWORD}"


def add(settings: Settings, name: str) -> str:
    """Ask for a password, and write the user; gives what was done.

    Raises:
        StackError: the name or the password cannot be used.
    """
    if not NAME.fullmatch(name):
        raise StackError("NAME must be letters, digits and _.@-, as in: make proxy-user NAME=ann")
    if sys.stdin.isatty():
        password = getpass.getpass(f"Password of {name}: ")
        if getpass.getpass("Again: ") != password:
            raise StackError("the two passwords differ; nothing was changed")
    else:
        password = sys.stdin.readline().rstrip("\n")
    if len(password) < LEAST_CHARACTERS or len(password.encode()) > MOST_BYTES:
        raise StackError(
            f"the password must have {LEAST_CHARACTERS} characters, and at most {MOST_BYTES} bytes"
        )
    is_new = name not in dict(read(settings))
    _set(settings, name, password)
    return f"{'added' if is_new else 'changed'} the proxy's user {name}"


def _set(settings: Settings, name: str, password: str) -> None:
    hashed = bcrypt.hashpw(password.encode(), bcrypt.gensalt(BCRYPT_ROUNDS)).decode()
    users = dict(read(settings)) | {name: hashed}
    _write(settings, FILE, "".join(f"{each}:{value}\n" for each, value in users.items()))


def _write(settings: Settings, name: str, text: str) -> None:
    settings.secrets_dir.mkdir(exist_ok=True)
    write_file(settings.secrets_dir / name, text.encode(), mode=0o640)
