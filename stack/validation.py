"""What each setting may be. `mistakes` names every setting that is wrong, before anything starts.

Only the text of the settings is checked here; stack/preflight.py checks them against the machine.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from email.utils import getaddresses
from ipaddress import AddressValueError, IPv4Address
from urllib.parse import urlsplit

from benchmark_exporter.digest.schedule import parse_weekly
from stack import alert_texts, exporters, parts
from stack.backup import age
from stack.long_term_settings import RULES as LONG_TERM_RULES
from stack.settings import Settings

MODES = ("compose", "local")
# Links pass through YAML, HTML, Slack's markup and supervisor's configuration: these characters
# mean nothing in any of them.
HOST = re.compile(r"[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\]")
URL = re.compile(rf"https?://({HOST.pattern})(:[0-9]{{1,5}})?(/[A-Za-z0-9_.~/-]*)?")
HOST_PORT = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:\[\]]+):[0-9]{1,5}")
# As Prometheus parses its retention: units from years to milliseconds, the largest first.
DURATION = re.compile(
    r"(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?"
)
UNIT_SECONDS = (365 * 86400, 7 * 86400, 86400, 3600, 60, 1, 0.001)
LONGEST_SECONDS = 2**63 / 1e9  # of a Go duration
SIZE = re.compile(r"\d+(\.\d+)?(B|KB|MB|GB|TB|PB|EB)|0")
# Docker's reference: registry/path:tag@digest.
IMAGE = re.compile(r"[a-z0-9][\w./:-]*(@sha256:[0-9a-f]{64})?")
# Docker Compose's own rule.
PROJECT_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
LONGEST_LABEL = 100


def mistakes(settings: Settings) -> list[str]:
    """Every setting that cannot be used, one line each: its name, what it must be, what it is."""
    found = list(_ports(settings))
    for names, (is_valid, must_be) in {**RULES, **LONG_TERM_RULES}.items():
        found += [
            f"{name} must be {must_be}, not '{settings[name]}'"
            for name in names.split()
            if not is_valid(settings[name])
        ]
    for name in ("BUILD_CA_BUNDLE", "BUILD_PIP_CONF", "PROXY_TLS_CERT", "PROXY_TLS_KEY"):
        if settings[name] and not (settings.root / settings[name]).is_file():
            found.append(f"{name} must be a file, or empty, not '{settings[name]}'")
    if bool(settings["PROXY_TLS_CERT"]) != bool(settings["PROXY_TLS_KEY"]):
        found.append("PROXY_TLS_CERT and PROXY_TLS_KEY must both be set, or both be empty")
    return found


def _ports(settings: Settings) -> Iterator[str]:
    users = defaultdict(list)
    for part in parts.listeners(settings):
        value = settings[part.port_setting]
        if not value.isdecimal() or not value.isascii() or not 0 < int(value) < 65536:
            yield f"{part.port_setting} must be a number from 1 to 65535, not '{value}'"
        else:
            users[int(value)].append(part.port_setting)
    for port, names in users.items():
        if len(names) > 1:
            yield f"{' and '.join(names)} must be different ports; both are {port}"


def _empty_or(check: Callable[[str], object]) -> Callable[[str], bool]:
    return lambda value: not value or bool(check(value))


def _is_folder(value: str) -> bool:
    """Only a shell replaces a ~, and .env is not read by one."""
    return bool(value) and "\0" not in value and not value.startswith("~")


def _is_label(value: str) -> bool:
    return value.isprintable() and 0 < len(value.encode()) <= LONGEST_LABEL


def _is_weekly(value: str) -> bool:
    try:
        parse_weekly(value)
    except ValueError:
        return False
    return True


def _is_ipv4(value: str) -> bool:
    try:
        IPv4Address(value)
    except AddressValueError:
        return False
    return True


def duration_seconds(value: str) -> float:
    """How long a duration like 30d or 1h30m is; 0 for what Prometheus does not take as one."""
    match = DURATION.fullmatch(value)
    if not value or match is None:
        return 0
    counts = (int(count or 0) for count in match.groups())
    seconds = sum(count * unit for count, unit in zip(counts, UNIT_SECONDS, strict=True))
    return seconds if seconds < LONGEST_SECONDS else 0


def _addresses(value: str) -> int:
    """How many addresses a text lists; 0 if one of them is not an email address."""
    found = [address for _, address in getaddresses([value])]
    valid = all(re.fullmatch(r"[^@\s]+@[^@\s]+", address) for address in found)
    return len(found) if valid else 0


def _is_http_url(value: str) -> bool:
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    is_web = parts.scheme in ("http", "https") and bool(parts.hostname)
    return is_web and not re.search(r"\s", value)


# By the names of the settings: what a valid value satisfies, and what it must be in words.
RULES: Mapping[str, tuple[Callable[[str], object], str]] = {
    "MODE": (lambda value: value in ("", *MODES), "'compose' or 'local'"),
    "PARTS": (lambda value: value in parts.CHOICES, "'all' or 'exporter'"),
    "RESULTS_DIR": (_is_folder, "a folder, with a home folder written in full"),
    "BENCHMARK_ENVIRONMENT": (_is_label, f"1 to {LONGEST_LABEL} printable characters"),
    "WEEKLY_DIGEST": (
        _empty_or(_is_weekly),
        "a day and a time like 'mon 09:00', or empty",
    ),
    age.SETTING: (age.is_days, "a number of days like 8, or 0 for never"),
    "COMPOSE_PROJECT_NAME": (
        _empty_or(PROJECT_NAME.fullmatch),
        "lower-case letters, digits, '-' and '_', or empty",
    ),
    "BIND_ADDRESS": (_is_ipv4, "an IPv4 address of this machine, or 0.0.0.0 for all of them"),
    "PUBLIC_HOST": (
        HOST.fullmatch,
        "a host name or address without scheme and port, like perf.example.org or [2001:db8::1]",
    ),
    "PUBLIC_EXPORTER_URL PUBLIC_STREAM_URL PUBLIC_PROMETHEUS_URL PUBLIC_ALERTMANAGER_URL "
    "PUBLIC_GRAFANA_URL PUBLIC_LONG_TERM_URL": (
        _empty_or(URL.fullmatch),
        "the address of a server, like https://perf.example.org/grafana, or empty",
    ),
    "PROXY_TLS": (lambda value: value in ("yes", "no"), "'yes' or 'no'"),
    "PROXY_HOSTS": (
        lambda value: all(map(HOST.fullmatch, value.split())),
        "host names without scheme and port, separated by spaces",
    ),
    "EXPORTERS": (
        exporters.are_addresses,
        "addresses like https://perf-a.example.org:8000, each once, separated by spaces",
    ),
    "HIGH_AVAILABILITY": (lambda value: value in ("yes", "no"), "'yes' or 'no'"),
    "PROMETHEUS_RETENTION_TIME": (duration_seconds, "a duration like 30d or 12h"),
    "PROMETHEUS_RETENTION_SIZE": (SIZE.fullmatch, "a size like 512MB or 1.5GB, or 0 for any"),
    "SMTP_SMARTHOST": (
        _empty_or(HOST_PORT.fullmatch),
        "host:port, like smtp.example.org:587, or empty",
    ),
    "SMTP_FROM": (_empty_or(lambda text: _addresses(text) == 1), "one email address, or empty"),
    alert_texts.SETTING: (lambda value: value in alert_texts.LANGUAGES, "'en' or 'ja'"),
    "SMTP_REQUIRE_TLS": (lambda value: value in ("true", "false"), "'true' or 'false'"),
    "ALERT_EMAIL_TO": (_empty_or(_addresses), "email addresses, or empty"),
    "PAGERDUTY_URL": (_is_http_url, "an http(s) URL"),
    "EXPORTER_IMAGE PROMETHEUS_IMAGE ALERTMANAGER_IMAGE NODE_EXPORTER_IMAGE CADDY_IMAGE "
    "PYTHON_IMAGE VICTORIAMETRICS_IMAGE VMAUTH_IMAGE": (
        IMAGE.fullmatch,
        "an image's name, like registry.example.org/name:tag",
    ),
    "GRAFANA_IMAGE": (_empty_or(IMAGE.fullmatch), "an image's name, or empty for no Grafana"),
}
