"""What `make up` says at its end: where everything is, and who can reach it."""

import shlex
import sys
from collections.abc import Collection, Iterator
from pathlib import Path

from stack import exporter_alone, proxy_users
from stack import parts as chosen
from stack.prepare import GRAFANA_PASSWORD
from stack.settings import GRAFANA, SECRETS, SERVERS, STREAM, VMAUTH, Part, Settings

WHAT = {
    "exporter": "pages: what is wrong, newest runs, rejected files",
    "prometheus": "queries and rules",
    "alertmanager": "alerts and silences",
    "node_exporter": "the machine's own metrics",
    "grafana": "dashboards",
    "vmauth": "queries on the long-term store",
}
LIVE_PAGE = "live page"


def lines(settings: Settings, parts: Collection[Part], authority: Path | None) -> Iterator[str]:
    """The lines about a stack with these parts.

    `authority` is the root certificate of the proxy's own authority, None if it has none.
    """
    for part in (*SERVERS, VMAUTH):
        if part in parts:
            yield f"  {part.name:<14} {settings.public_url(part)}  {WHAT[part.name]}"
    live = settings.public_url(STREAM)
    yield f"  {LIVE_PAGE:<14} {live}  what runs now, verdicts, alerts"
    if GRAFANA in parts:
        yield f"  Grafana's user is admin, the password is in {SECRETS / GRAFANA_PASSWORD}"
    elif not chosen.is_exporter_alone(settings):
        yield f"  this stack has no Grafana; {live} shows runs and trends"
    yield from _access(settings, authority)
    command = shlex.quote(str(Path(sys.executable).with_name("benchmark-exporter")))
    if chosen.is_exporter_alone(settings):
        yield from exporter_alone.lines(settings, authority)
        yield f"\nCopy result files into {settings['RESULTS_DIR']}"
    else:
        yield f"\nCopy result files into {settings['RESULTS_DIR']}, or see it work: make demo"
    yield f"To call benchmark-exporter from anywhere: ln -s {command} ~/.local/bin/"


def _access(settings: Settings, authority: Path | None) -> Iterator[str]:
    if settings.has_tls:
        yield f"  the users who may log in are in {SECRETS / proxy_users.FILE}"
        if authority is not None:
            yield f"  browsers have to trust {authority}"
    elif settings.is_open_to_network:
        yield (
            f"  BIND_ADDRESS={settings['BIND_ADDRESS']} without a login: whoever reaches it reads "
            "everything and silences alerts; PROXY_TLS=yes asks for one, see docs/security.md"
        )
