"""What .env says. .env.example is the list of settings with their defaults; a name that is not in it is a mistake."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dotenv import dotenv_values

ROOT = Path(__file__).resolve().parent.parent
# Paths of what `make` makes, relative to the checkout.
STATE, SECRETS = Path(".local"), Path("secrets")
# Links pass through YAML, HTML, Slack's markup and supervisor's configuration: these characters mean nothing in any of them.
HOST = re.compile(r"[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\]")
URL = re.compile(rf"https?://({HOST.pattern})(:[0-9]{{1,5}})?(/[A-Za-z0-9_.~/-]*)?")


class StackError(Exception):
    """Something that the user can mend; the message says what is wrong and how to mend it."""


@dataclass(frozen=True, slots=True)
class Part:
    """A server of the stack: where it answers, and the path that says it is ready."""

    name: str
    port_setting: str
    ready_path: str

    @property
    def public_url_setting(self) -> str:
        """The setting with the whole address by which people reach it; node_exporter, to which nothing links, has none."""
        return f"PUBLIC_{self.port_setting.removesuffix('_PORT')}_URL"

    def url(self, settings: "Settings", path: str = "") -> str:
        """Address of a path on this machine."""
        return f"http://{settings.reach}:{settings.port(self)}{path}"


EXPORTER = Part("exporter", "EXPORTER_PORT", "/-/ready")
PROMETHEUS = Part("prometheus", "PROMETHEUS_PORT", "/-/ready")
ALERTMANAGER = Part("alertmanager", "ALERTMANAGER_PORT", "/-/ready")
NODE_EXPORTER = Part("node_exporter", "NODE_EXPORTER_PORT", "/metrics")
GRAFANA = Part("grafana", "GRAFANA_PORT", "/api/health")
PARTS = (EXPORTER, PROMETHEUS, ALERTMANAGER, NODE_EXPORTER, GRAFANA)
# The exporter's second address, for the stream and the live page.
STREAM = Part("stream", "STREAM_PORT", "/")
LISTENERS = (*PARTS, STREAM)


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
        return "127.0.0.1" if address in ("", "0.0.0.0") else address  # noqa: S104  # not bound to, only recognised

    def public_url(self, part: Part) -> str:
        """What a link to a part begins with, wherever it is followed: an address without a slash at its end."""
        return (
            self.values.get(part.public_url_setting)
            or f"http://{self.values['PUBLIC_HOST']}:{self.port(part)}"
        )

    @property
    def results_dir(self) -> Path:
        return self.root / self.values["RESULTS_DIR"]

    @property
    def state_dir(self) -> Path:
        return self.root / STATE

    @property
    def dashboards_dir(self) -> Path:
        """What Grafana reads in place of grafana/dashboards."""
        return self.state_dir / "dashboards"

    @property
    def secrets_dir(self) -> Path:
        return self.root / SECRETS


def load(root: Path = ROOT, environ: Mapping[str, str] = os.environ) -> Settings:
    """Give the settings of a checkout: variables of the environment win over .env, and that over .env.example.

    Raises:
        StackError: .env has an unknown name, or a port, mode or address that is none.
    """
    known = dotenv_values(root / ".env.example", interpolate=False)
    chosen = dotenv_values(root / ".env", interpolate=False)
    unknown = sorted(chosen.keys() - known.keys())
    if unknown:
        raise StackError(f".env: {unknown[0]} is no setting; .env.example lists them all")
    values = {
        name: environ.get(name) or chosen.get(name) or default or ""
        for name, default in known.items()
    }
    # Chosen to be empty is a choice where the default is not: an image left out.
    values |= {
        name: ""
        for name, value in chosen.items()
        if name.endswith("_IMAGE") and not value and not environ.get(name)
    }
    for part in LISTENERS:
        if (
            not values[part.port_setting].isdecimal()
            or not 0 < int(values[part.port_setting]) < 65536
        ):
            raise StackError(
                f".env: {part.port_setting}={values[part.port_setting]} is no port; it takes a number from 1 to 65535"
            )
    ports = [values[part.port_setting] for part in LISTENERS]
    for part in LISTENERS:
        if ports.count(values[part.port_setting]) > 1:
            raise StackError(
                f".env: {part.port_setting}={values[part.port_setting]} is the port of another part too; give each its own"
            )
    if values["MODE"] not in ("", "compose", "local"):
        raise StackError(f".env: MODE={values['MODE']} is none; it takes compose, local or nothing")
    if not HOST.fullmatch(values["PUBLIC_HOST"]):
        raise StackError(
            f".env: PUBLIC_HOST={values['PUBLIC_HOST']} is no name or address of a machine, like perf.example.org or [2001:db8::1]; "
            "a whole address goes into the setting of its part, like PUBLIC_GRAFANA_URL"
        )
    for name in (
        part.public_url_setting for part in LISTENERS if part.public_url_setting in values
    ):
        values[name] = values[name].rstrip("/")
        if values[name] and not URL.fullmatch(values[name]):
            raise StackError(
                f".env: {name}={values[name]} is no address of a server, like https://perf.example.org/grafana"
            )
    return Settings(root, values)
