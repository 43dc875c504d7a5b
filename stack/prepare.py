"""What has to be there before the stack starts, made once and kept."""

import secrets
import stat
from collections.abc import Iterator

from stack.settings import Settings, StackError

GRAFANA_PASSWORD = "grafana_admin_password"  # noqa: S105  # the file's name


def prepare(settings: Settings) -> Iterator[str]:
    """Make the folders and Grafana's password; yields a line for each thing that is new.

    Containers run as another user, so what is in secrets/ becomes readable for its group, which they join; for others it is closed.

    Raises:
        StackError: the results folder cannot be made.
    """
    settings.state_dir.mkdir(exist_ok=True)
    try:
        settings.results_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StackError(f"RESULTS_DIR={settings['RESULTS_DIR']}: {error.strerror}; name a folder that can be made") from error
    settings.secrets_dir.mkdir(exist_ok=True)
    settings.secrets_dir.chmod(0o750)
    password = settings.secrets_dir / GRAFANA_PASSWORD
    if not password.exists():
        password.touch(mode=0o640)
        password.write_text(secrets.token_urlsafe(18), encoding="utf-8")
        yield f"made a password for Grafana's user admin, in {password.relative_to(settings.root)}"
    for file in settings.secrets_dir.iterdir():
        mode = stat.S_IMODE(file.stat().st_mode)
        if file.is_file() and file.name != "README.md" and mode != 0o640:
            file.chmod(0o640)


def secrets_gid(settings: Settings) -> int:
    """Group that may read secrets/."""
    return settings.secrets_dir.stat().st_gid
