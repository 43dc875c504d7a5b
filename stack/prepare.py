"""What has to exist before the stack starts, made once and kept."""

import secrets
import stat
from collections.abc import Iterator

from stack import alert_language, credential, internal, proxy_users
from stack.backup import age
from stack.dashboards import lay_out
from stack.exporter_alone import SCRAPE_TOKENS, make_token
from stack.parts import is_exporter_alone
from stack.preflight import check_writable
from stack.prometheus_config import lay_out_for_container
from stack.settings import Settings, StackError

GRAFANA_PASSWORD = "grafana_admin_password"  # noqa: S105  # the file's name
# In a folder of their own, which is all that the exporter's container sees. A mounted folder,
# unlike a mounted file, shows a file that an editor has replaced.
UPLOAD_TOKENS = "exporter/upload_tokens"
GITHUB_WEBHOOK_SECRET = "exporter/github_webhook_secret"  # noqa: S105  # likewise
TRIAGE_TOKENS = "exporter/triage_tokens"
HEADS = {
    UPLOAD_TOKENS: (
        "# Who may upload results: a name and a token on each line. Without any, uploads are off; "
        "see docs/upload.md.\n"
    ),
    GITHUB_WEBHOOK_SECRET: (
        "# GitHub's webhooks: a name and a secret on each line. Without any, no delivery is "
        "accepted; see docs/ci.md.\n"
    ),
    TRIAGE_TOKENS: (
        "# Which programs may give regressions a state: a name and a token on each line; see "
        "docs/triage.md.\n"
    ),
    SCRAPE_TOKENS: (
        "# With which a Prometheus of another stack scrapes: a name and a token on each line; see "
        "docs/several-exporters.md.\n"
    ),
}


def prepare(settings: Settings) -> Iterator[str]:
    """Make the folders, secrets and dashboards, the files for tokens, and internal ports.

    Of containers, Prometheus' configuration too.

    Yields a line for each new secret. Containers run as another user, so the files in secrets/
    are made readable for their group, which the containers join, and closed to others.

    Raises:
        StackError: a folder cannot be written to or made, or the proxy's users or the credentials
            of remote write have a mistake.
    """
    check_writable(settings)
    settings.state_dir.mkdir(exist_ok=True)
    age.note_longest(settings)
    try:
        settings.results_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StackError(
            f"RESULTS_DIR={settings['RESULTS_DIR']}: {error.strerror}; name a folder that exists "
            "or can be made"
        ) from error
    for folder in (settings.secrets_dir, (settings.secrets_dir / UPLOAD_TOKENS).parent):
        folder.mkdir(exist_ok=True)
        folder.chmod(0o750)
    password = settings.secrets_dir / GRAFANA_PASSWORD
    if not is_exporter_alone(settings) and not password.exists():
        password.touch(mode=0o640)
        password.write_text(secrets.token_urlsafe(18), encoding="utf-8")
        yield f"made a password for Grafana's user admin: {password.relative_to(settings.root)}"
    for name, head in HEADS.items():
        file = settings.secrets_dir / name
        if not file.exists():
            file.touch(mode=0o640)
            file.write_text(head, encoding="utf-8")
    yield from make_token(settings)
    yield from credential.make(settings)
    alert_language.write(settings)
    yield from proxy_users.make_first(settings)
    internal.choose_missing(settings)
    lay_out_for_container(settings)
    lay_out(settings)
    for file in settings.secrets_dir.rglob("*"):
        mode = stat.S_IMODE(file.stat().st_mode)
        if file.is_file() and file.name != "README.md" and mode != 0o640:
            file.chmod(0o640)


def secrets_gid(settings: Settings) -> int:
    """The group that may read secrets/."""
    folder = settings.secrets_dir if settings.secrets_dir.is_dir() else settings.root
    return folder.stat().st_gid
