"""Where Prometheus sends what it stores: the sections `remote_write` of its configuration.

The stack's own long-term store gets everything where LONG_TERM_STORE=yes, and so does the store of
REMOTE_WRITE_URL where one is set.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stack import credential, long_term
from stack.settings import Settings, StackError

PASSWORD, TOKEN = "remote_write_password", "remote_write_token"  # the files' names
# Where Prometheus reads copies of them, next to its configuration, and where it reads the stack's.
FOLDER, STACK_CREDENTIAL = "remote_write", "internal/credential"
# Of a store that is away Prometheus keeps what its write-ahead log has, two hours at least. Ten
# connections bring 10 minutes of 50,000 series in within seconds, and hold 120,000 samples in
# memory at most. The first retry comes soon, since most absences are restarts.
QUEUE = {
    "capacity": 10_000,
    "min_shards": 1,
    "max_shards": 10,
    "max_samples_per_send": 2_000,
    "batch_send_deadline": "5s",
    "min_backoff": "100ms",
    "max_backoff": "5s",
    "retry_on_http_429": True,
}
# The addresses that external_labels has for the texts of alerts, and what Prometheus notes of each
# scrape for its own pages and alerts, which nobody asks for a year later.
NOT_SENT = re.compile(
    "scrape_(duration_seconds|series_added|samples_(post_metric_relabeling|scraped))"
)
RELABEL_ALWAYS = (
    {"action": "labeldrop", "regex": "(alertmanager|exporter|grafana)_url"},
    {
        "action": "drop",
        "source_labels": ["__name__"],
        "regex": NOT_SENT.pattern,
    },
)
DROP_REPLICA = {"action": "labeldrop", "regex": "replica"}


def sections(settings: Settings, own_url: str) -> list[dict[str, Any]]:
    """The list `remote_write`; `own_url` is where Prometheus reaches vmauth.

    Raises:
        StackError: credentials are missing, or there are too many.
    """
    found = []
    if long_term.is_on(settings):
        found.append(
            {
                "name": "long-term",
                "url": f"{own_url}/api/v1/write",
                "basic_auth": {"username": credential.USER, "password_file": STACK_CREDENTIAL},
                "queue_config": QUEUE,
                "write_relabel_configs": [*RELABEL_ALWAYS, DROP_REPLICA],
            }
        )
    if settings["REMOTE_WRITE_URL"]:
        found.append(_section(settings))
    return found


def write_credentials(settings: Settings, folder: Path) -> None:
    """Copy the credentials of REMOTE_WRITE_URL next to a configuration; remove those that went.

    Raises:
        OSError: they cannot be written.
    """
    target = folder / FOLDER
    target.mkdir(parents=True, exist_ok=True)
    credential.share(target, settings)
    for name in (PASSWORD, TOKEN):
        secret = _secret(settings, name)
        if secret and settings["REMOTE_WRITE_URL"]:
            credential.write_shared(target / name, secret, settings)
        else:
            (target / name).unlink(missing_ok=True)


def _section(settings: Settings) -> dict[str, Any]:
    section: dict[str, Any] = {"name": "remote", "url": settings["REMOTE_WRITE_URL"]}
    if settings["REMOTE_WRITE_TENANT"]:
        section["headers"] = {"X-Scope-OrgID": settings["REMOTE_WRITE_TENANT"]}
    section |= _authentication(settings)
    section["queue_config"] = QUEUE
    section["write_relabel_configs"] = list(_relabeling(settings))
    return section


def _authentication(settings: Settings) -> dict[str, Any]:
    user = settings["REMOTE_WRITE_USERNAME"]
    password, token = (_secret(settings, name) for name in (PASSWORD, TOKEN))
    if bool(user) != bool(password):
        raise StackError(
            f"REMOTE_WRITE_USERNAME and secrets/{PASSWORD} must both be set, or both be empty"
        )
    if password and token:
        raise StackError(f"secrets/{PASSWORD} and secrets/{TOKEN} exclude each other; remove one")
    if password:
        return {"basic_auth": {"username": user, "password_file": f"{FOLDER}/{PASSWORD}"}}
    if token:
        return {"authorization": {"type": "Bearer", "credentials_file": f"{FOLDER}/{TOKEN}"}}
    return {}


def _relabeling(settings: Settings) -> Iterator[dict[str, Any]]:
    yield from RELABEL_ALWAYS
    if settings["REMOTE_WRITE_REPLICA"] == "drop":
        yield DROP_REPLICA
    if cluster := settings["REMOTE_WRITE_CLUSTER"]:
        yield {"target_label": "cluster", "replacement": cluster}


def _secret(settings: Settings, name: str) -> str:
    try:
        return (settings.secrets_dir / name).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return ""
