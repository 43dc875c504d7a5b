"""What .env says. .env.example lists every setting with its default; other names are mistakes."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from dotenv import dotenv_values

from stack.deprecations import stranger, warnings, with_current_names

ROOT = Path(__file__).resolve().parent.parent
# What `make` writes, relative to the checkout.
STATE, SECRETS = Path(".local"), Path("secrets")


class StackError(Exception):
    """Something the user can fix; the message says what is wrong and how to fix it."""


@dataclass(frozen=True, slots=True)
class Part:
    """A server of the stack: the setting with its published port, and the path of its readiness.

    What answers on the published port is the proxy; stack/internal.py has the addresses behind it.
    """

    name: str
    port_setting: str
    ready_path: str

    @property
    def public_url_setting(self) -> str:
        """The setting with the part's public address; nothing links to node_exporter."""
        return f"PUBLIC_{self.port_setting.removesuffix('_PORT')}_URL"

    def url(self, settings: "Settings", path: str = "") -> str:
        """The published address of a path, as this machine reaches it: the proxy answers."""
        return f"{settings.scheme}://{settings.reach}:{settings.port(self)}{path}"


EXPORTER = Part("exporter", "EXPORTER_PORT", "/-/ready")
PROMETHEUS = Part("prometheus", "PROMETHEUS_PORT", "/-/ready")
ALERTMANAGER = Part("alertmanager", "ALERTMANAGER_PORT", "/-/ready")
NODE_EXPORTER = Part("node_exporter", "NODE_EXPORTER_PORT", "/metrics")
GRAFANA = Part("grafana", "GRAFANA_PORT", "/api/health")
SERVERS = (EXPORTER, PROMETHEUS, ALERTMANAGER, NODE_EXPORTER, GRAFANA)
# It listens on all published ports; any of them says whether it is ready.
PROXY = Part("proxy", "EXPORTER_PORT", "/-/proxy")
PARTS = (*SERVERS, PROXY)
# The exporter's second address, for the stream and the live page.
STREAM = Part("stream", "STREAM_PORT", "/live")
# With LONG_TERM_STORE=yes: the store, and vmauth, through which all but backups reach it.
VICTORIAMETRICS = Part("victoriametrics", "LONG_TERM_PORT", "/health")
VMAUTH = Part("vmauth", "LONG_TERM_PORT", "/api/v1/query?query=1")
# What has a published port.
LISTENERS = (*SERVERS, STREAM, VMAUTH)
# What has an internal port.
INTERNAL = (*LISTENERS, VICTORIAMETRICS)
# What people reach through no port of its own.
UNPUBLISHED = (PROXY, VICTORIAMETRICS)


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one checkout."""

    root: Path
    values: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        return self.values[name]

    def port(self, part: Part) -> int:
        return int(self.values[part.port_setting])

    @property
    def reach(self) -> str:
        """The address at which this machine itself reaches what listens on BIND_ADDRESS."""
        address = self.values["BIND_ADDRESS"]
        # Compared with, not bound to.
        return "127.0.0.1" if address in ("", "0.0.0.0") else address  # noqa: S104

    @property
    def has_tls(self) -> bool:
        """Whether the proxy serves TLS and asks for a login."""
        return self.values["PROXY_TLS"] == "yes"

    @property
    def scheme(self) -> str:
        """With which the published addresses begin."""
        return "https" if self.has_tls else "http"

    @property
    def is_open_to_network(self) -> bool:
        """Whether other machines may reach the published ports."""
        return not ip_address(self.values["BIND_ADDRESS"]).is_loopback

    def public_url(self, part: Part) -> str:
        """What links to a part begin with: an address without a slash at its end."""
        default = f"{self.scheme}://{self.values['PUBLIC_HOST']}:{self.port(part)}"
        return self.values.get(part.public_url_setting, "").rstrip("/") or default

    @property
    def results_dir(self) -> Path:
        return self.root / self.values["RESULTS_DIR"]

    @property
    def state_dir(self) -> Path:
        return self.root / STATE

    @property
    def dashboards_dir(self) -> Path:
        """The dashboards as Grafana reads them, made from grafana/dashboards."""
        return self.state_dir / "dashboards"

    @property
    def secrets_dir(self) -> Path:
        return self.root / SECRETS


def read(root: Path = ROOT, environ: Mapping[str, str] = os.environ) -> tuple[Settings, list[str]]:
    """Read the settings of a checkout, unchecked, with the names in .env that are not settings.

    Variables of the environment win over .env, and .env over .env.example.
    """
    known = dotenv_values(root / ".env.example", interpolate=False)
    chosen = with_current_names(dotenv_values(root / ".env", interpolate=False))
    values = {
        name: environ.get(name) or chosen.get(name) or default or ""
        for name, default in known.items()
    }
    # An empty GRAFANA_IMAGE is a choice: it leaves Grafana out.
    if not (chosen.get("GRAFANA_IMAGE", "unset") or environ.get("GRAFANA_IMAGE")):
        values["GRAFANA_IMAGE"] = ""
    return Settings(root, values), sorted(chosen.keys() - known.keys())


def load(root: Path = ROOT, environ: Mapping[str, str] = os.environ) -> Settings:
    """Read and check the settings of a checkout; names of earlier versions warn.

    Raises:
        StackError: .env has mistakes; the message names all of them.
    """
    from stack.validation import mistakes  # which needs the names above

    settings, unknown = read(root, environ)
    for warning in warnings(dotenv_values(root / ".env", interpolate=False)):
        print(warning, file=sys.stderr)
    strangers = [stranger(name, settings.values) for name in unknown]
    if found := strangers + mistakes(settings):
        raise StackError("\n".join(found))
    return settings


def defaults(root: Path = ROOT) -> Settings:
    """Give the settings of .env.example alone, whatever this checkout's .env says."""
    values = dotenv_values(root / ".env.example", interpolate=False)
    return Settings(root, {name: value or "" for name, value in values.items()})
