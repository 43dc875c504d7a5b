"""What a receiver's options in alertmanager.yml need: secrets, settings, or neither."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import getaddresses
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

SECRETS = "secrets/"
SETTING = re.compile(r"\$\{(?P<name>[A-Z][A-Z0-9_]*)(?::-(?P<default>[^}]*))?\}")
HOST_PORT = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:\[\]]+):[0-9]{1,5}")
# Both or neither: without them, a receiver sends without a login.
LOGIN_OPTIONS = ("auth_username", "auth_password_file")


@dataclass(frozen=True, slots=True)
class Sources:
    """Where settings and secrets come from."""

    settings: Mapping[str, str]
    secrets_dir: Path


@dataclass(frozen=True, slots=True)
class Needs:
    """What a receiver needs.

    Attributes:
        present: names of the secrets and settings that are there.
        missing: what to do about those that are not.
        mistakes: what to fix in those that are there but unusable.
        remarks: what may still fail in those that are there.
    """

    present: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    mistakes: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def add(self, other: "Needs") -> None:
        """Add another receiver's or option's needs to these."""
        self.present.extend(other.present)
        self.missing.extend(other.missing)
        self.mistakes.extend(other.mistakes)
        self.remarks.extend(other.remarks)


def fill_in(options: Mapping[str, Any], sources: Sources, needs: Needs) -> dict[str, Any]:
    """Return an integration's options with settings and secret paths filled in; note its needs."""
    login = Needs()
    filled = {
        key: _filled(key, value, sources, login if key in LOGIN_OPTIONS else needs)
        for key, value in options.items()
    }
    if not login.present and not login.mistakes:
        return {key: value for key, value in filled.items() if key not in LOGIN_OPTIONS}
    needs.add(login)
    return filled


def _filled(option: str, value: Any, sources: Sources, needs: Needs) -> Any:
    if isinstance(value, dict):
        return {key: _filled(key, item, sources, needs) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(option, item, sources, needs) for item in value]
    if not isinstance(value, str):
        return value
    if option.endswith("_file") and value.startswith(SECRETS):
        _check_secret(option, value, sources.secrets_dir, needs)
        return str(sources.secrets_dir / value.removeprefix(SECRETS))
    if SETTING.search(value):
        return _with_settings(option, value, sources.settings, needs)
    return value


def _check_secret(option: str, name: str, secrets_dir: Path, needs: Needs) -> None:
    try:
        content = (secrets_dir / name.removeprefix(SECRETS)).read_text(encoding="utf-8")
    except FileNotFoundError:
        content = ""
    except PermissionError:
        groups = ", ".join(str(group) for group in sorted({os.getegid(), *os.getgroups()}))
        user = f"user {os.geteuid()}"
        to_do = f"give it one of the groups {groups}, and run `chmod g+r {name}`"
        needs.mistakes.append(f"{name} cannot be read by {user}: {to_do}")
        return
    except (OSError, UnicodeDecodeError) as error:
        # Not the text of a decoding error, which quotes the secret.
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        needs.mistakes.append(f"{name} cannot be read ({reason}): put a text file in its place")
        return
    secret = content.strip()
    if not secret:
        needs.missing.append(f"fill {name}")
    elif option.endswith("url_file") and not is_http_url(secret):
        needs.mistakes.append(
            f"{name} does not hold an http(s) URL: put the whole address in it, and nothing else"
        )
    elif option.endswith("key_file") and len(secret.split()) > 1:
        needs.mistakes.append(
            f"{name} holds more than one word: put the key in it, and nothing else"
        )
    else:
        needs.present.append(name)
        if option == "auth_password_file" and content != secret:
            needs.remarks.append(
                f"Alertmanager before 0.27 treats the newline at the end of {name} as part of the "
                "password: write the file with `printf %s`"
            )


def _with_settings(
    option: str, value: str, settings: Mapping[str, str], needs: Needs
) -> str | bool:
    names = [match["name"] for match in SETTING.finditer(value)]
    asked_for = [match["name"] for match in SETTING.finditer(value) if match["default"] is None]
    missing = [name for name in asked_for if not settings.get(name, "").strip()]
    filled = SETTING.sub(
        lambda match: settings.get(match["name"], "").strip() or match["default"] or "", value
    )
    if missing:
        needs.missing.extend(f"set {name}" for name in missing)
    elif mistake := _mistake(option, filled):
        needs.mistakes.append(f"{' '.join(names)} is {filled!r}: {mistake}")
    else:
        needs.present.extend(asked_for)
    return filled == "true" if option == "require_tls" else filled


def _mistake(option: str, value: str) -> str | None:
    """Return what is wrong with the value, or None.

    Only mistakes that would keep Alertmanager from starting or sending are checked.
    """
    if option == "url" and not is_http_url(value):
        return "it must be an http(s) URL"
    if option == "smarthost" and not HOST_PORT.fullmatch(value):
        return "it must be host:port, like smtp.example.org:587"
    if option == "require_tls" and value not in ("true", "false"):
        return "it must be true or false"
    if option in ("from", "to"):
        addresses = [address for _, address in getaddresses([value])]
        if not all(re.fullmatch(r"[^@\s]+@[^@\s]+", address) for address in addresses):
            return "it must be an email address"
        if option == "from" and len(addresses) > 1:
            return "it must be one email address"
    return None


def is_http_url(text: str) -> bool:
    """Return whether the text is an http(s) URL with a host and without white space."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not re.search(r"\s", text)
