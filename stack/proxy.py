"""The proxy on the published ports: Caddy, with a configuration made of proxy/'s templates.

It checks who asks, adds the stack's credential, and with PROXY_TLS=yes serves TLS and asks for a
login. Caddy notices within a second that the file has changed.
"""

import re
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

from benchmark_exporter.config import ConfigError, load_config
from stack import credential, failover, long_term, proxy_users, scrape_door
from stack.settings import (
    ALERTMANAGER,
    EXPORTER,
    GRAFANA,
    LISTENERS,
    NODE_EXPORTER,
    PROMETHEUS,
    STREAM,
    VMAUTH,
    Part,
    Settings,
)

FOLDER, NAME = "proxy", "Caddyfile"
# In the same folder, copies of PROXY_TLS_CERT and PROXY_TLS_KEY.
CERTIFICATE, KEY = "tls.crt", "tls.key"
# In its storage.
ROOT_CERTIFICATE = Path("pki/authorities/local/root.crt")
TEMPLATES = Path("proxy")
CONFIG = Path("exporter/benchmark_exporter/config.yaml")
SLOT = re.compile(r"@([A-Z_]+)@")
# An address has no name that could be made to lead elsewhere.
ADDRESS_HOSTS = (r"[0-9]{1,3}(\.[0-9]{1,3}){3}", r"\[[0-9a-f:.]+\]")
DEFAULT_PORTS = {"http": 80, "https": 443}
# Of a part, by all clients of the proxy together, so that the part keeps room for its scrapes. The
# exporter limits the stream's clients itself.
MAX_CONNECTIONS = 256
HEALTH = "/-/healthy /-/ready"
WITH_TOKEN = "/api/v1/results /api/v1/github /api/v1/triage"  # noqa: S105  # paths
# What asks for no login: health checks, and what has tokens or signatures of its own.
OPEN_WITHOUT_LOGIN: Mapping[Part, Sequence[str]] = {
    EXPORTER: (
        f"not path {HEALTH}",
        f"not {{\n\t\t\t\tmethod POST\n\t\t\t\tpath {WITH_TOKEN}\n\t\t\t}}",
    ),
    STREAM: (),
    PROMETHEUS: (f"not path {HEALTH}",),
    ALERTMANAGER: (f"not path {HEALTH}",),
    NODE_EXPORTER: (),
    VMAUTH: (),
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where Caddy runs: how it reaches each part, and where it listens and stores.

    `upstreams` and `ports` are by the part's name; a part without an upstream is left out. `bind`
    is the address to listen on, empty for all.
    """

    folder: str
    storage: str
    bind: str
    upstreams: Mapping[str, str]
    ports: Mapping[str, int]
    # Where it leads Grafana to the members of a part, if the part has some.
    doors: Mapping[Part, int] = field(default_factory=dict)
    door_bind: str = ""


def configuration(settings: Settings, place: Place) -> str:
    """The text of the Caddyfile.

    Raises:
        OSError: a template or the users' file cannot be read.
        StackError: the users' file has a mistake.
    """
    values = {
        "DEFAULT_NAME": next(iter(_certified(settings))),
        "PROTOCOLS": "h1 h2" if settings.has_tls else "h1",
        "STORAGE": _quoted(place.storage),
        "HOSTS": "|".join((*map(re.escape, known_hosts(settings)), *ADDRESS_HOSTS)),
    }
    parts = [part for part in LISTENERS if part.name in place.upstreams]
    texts = [_template(settings, "Caddyfile", values)]
    texts += [_template(settings, "site", _site(part, settings, place)) for part in parts]
    for part, port in place.doors.items():
        members = failover.members(part, settings, place.upstreams)
        door = failover.door(part, members, port, place.door_bind, credential.basic(settings))
        texts.append(_template(settings, "door", door))
    text = "".join(texts)
    return text.replace("@DIGEST@", digest(settings, text))


def digest(settings: Settings, text: str) -> str:
    """What the proxy answers on /-/proxy once it has read this configuration.

    The certificate's files are part of it, so that Caddy loads new ones.
    """
    hashed = sha256(text.encode())
    for name in ("PROXY_TLS_CERT", "PROXY_TLS_KEY"):
        if settings[name]:
            hashed.update((settings.root / settings[name]).read_bytes())
    return hashed.hexdigest()[:16]


def write(settings: Settings, place: Place) -> None:
    """Write what Caddy reads, for this user and the containers' group alone.

    Raises:
        OSError: it cannot be written.
        StackError: the users' file has a mistake.
    """
    folder = settings.state_dir / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    credential.share(folder, settings)
    for name, copied in (("PROXY_TLS_CERT", CERTIFICATE), ("PROXY_TLS_KEY", KEY)):
        if settings[name]:
            text = (settings.root / settings[name]).read_text(encoding="utf-8")
            credential.write_shared(folder / copied, text, settings)
    credential.write_shared(folder / NAME, configuration(settings, place), settings)


def written_digest(settings: Settings) -> str:
    """What the proxy answers once it has read the file that is there; empty without a file."""
    try:
        text = (settings.state_dir / FOLDER / NAME).read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    found = re.search(r'respond /-/proxy "([0-9a-f]+)"', text)
    return found[1] if found else ""


def has_authority(settings: Settings) -> bool:
    """Whether the proxy signs its certificates itself."""
    return settings.has_tls and not settings["PROXY_TLS_CERT"]


def known_hosts(settings: Settings) -> Sequence[str]:
    """The names by which this machine is known, without ports."""
    public = (urlsplit(settings.public_url(part)).netloc for part in LISTENERS)
    machine = (name for name in (socket.gethostname(), socket.getfqdn()) if name)
    names = (
        "localhost",
        settings["PUBLIC_HOST"],
        *(_without_port(netloc) for netloc in public),
        *machine,
        *settings["PROXY_HOSTS"].split(),
    )
    return list(dict.fromkeys(name.lower() for name in names))


def known_origins(settings: Settings) -> Sequence[str]:
    """The origins of the stack's own pages: known names at published ports, and PUBLIC_*_URL."""
    hosts = (*known_hosts(settings), "127.0.0.1", "[::1]")
    origins = [
        f"{settings.scheme}://{host}{suffix}" for host in hosts for suffix in _suffixes(settings)
    ]
    for part in LISTENERS:
        parts = urlsplit(settings.public_url(part))
        origins.append(f"{parts.scheme}://{parts.netloc}".lower())
    return list(dict.fromkeys(origins))


def _stream_origins(settings: Settings) -> Sequence[str]:
    """The further origins whose pages may follow the stream, of config.yaml.

    The exporter reports a file with a mistake, and keeps what it has read before.
    """
    try:
        return load_config(settings.root / CONFIG).stream_origins
    except ConfigError:
        return ()


def _same_host_origins(settings: Settings) -> Iterator[str]:
    """CEL's expressions of origins that have the request's own host, also an address."""
    for suffix in _suffixes(settings):
        yield f'"{settings.scheme}://" + {{http.request.host}} + "{suffix}"'


def _suffixes(settings: Settings) -> Sequence[str]:
    """What follows the host in the origins of the published ports."""
    default = DEFAULT_PORTS[settings.scheme]
    ports = (settings.port(part) for part in LISTENERS)
    return ["" if port == default else f":{port}" for port in ports]


def _certified(settings: Settings) -> Sequence[str]:
    """The names and addresses in certificates; the first one is for clients that name none."""
    hosts = (*known_hosts(settings), "127.0.0.1", "[::1]", settings["BIND_ADDRESS"])
    first = settings["PUBLIC_HOST"].lower()
    return [host for host in dict.fromkeys((first, *hosts)) if host != "0.0.0.0"]  # noqa: S104


def _site(part: Part, settings: Settings, place: Place) -> Mapping[str, str]:
    port = place.ports[part.name]
    addresses = [f"{settings.scheme}://:{port}"]
    tls = ""
    if settings["PROXY_TLS_CERT"]:
        tls = f"tls {_quoted(f'{place.folder}/{CERTIFICATE}')} {_quoted(f'{place.folder}/{KEY}')}"
    elif settings.has_tls:
        tls = "tls internal"
        addresses = [*(f"https://{host}:{port}" for host in _certified(settings)), *addresses]
    if part in (EXPORTER, STREAM):
        # Authorization is the client's: a token.
        header = f"header_up X-Stack-Credential {credential.read(settings)}"
        if part is EXPORTER and settings.has_tls:  # whom basicauth has let in
            header += "\n\t\t\theader_up X-Stack-User {http.auth.user.id}"
    elif part is GRAFANA:
        header = ""
    else:
        header = f'header_up Authorization "Basic {credential.basic(settings)}"'
    members = failover.members(part, settings, place.upstreams)
    origins = (*known_origins(settings), *(_stream_origins(settings) if part is STREAM else ()))
    return {
        "NAME": part.name,
        "ORIGINS": "|".join(map(re.escape, origins)),
        "SAME_HOST_ORIGINS": ", ".join(_same_host_origins(settings)),
        "ADDRESSES": ", ".join(addresses),
        "BIND": f"bind {place.bind}" if place.bind else "",
        "TLS": tls,
        "REFUSALS": "\n\t\t".join(_refusals(part, settings)),
        "LOGIN": "\n\t\t".join(
            (
                *scrape_door.lines(part, place.upstreams[part.name], MAX_CONNECTIONS),
                *_login(part, settings),
            )
        ),
        "CREDENTIAL": header,
        "CONNECTIONS": "" if part is STREAM else f"max_conns_per_host {MAX_CONNECTIONS}",
        **failover.slots(part, members, credential.basic(settings), header),
    }


def _refusals(part: Part, settings: Settings) -> Iterator[str]:
    """What a part does not accept through the proxy, beyond what no part does."""
    if part is EXPORTER:
        yield "@alerts {\n\t\t\tmethod POST\n\t\t\tpath /api/v1/alerts*\n\t\t}"
        yield 'respond @alerts "refused: only Alertmanager posts alerts\n" 403'
        if settings.is_open_to_network and not settings.has_tls:
            yield "@triage {\n\t\t\tmethod POST\n\t\t\tpath /triage*\n\t\t}"
            yield (
                'respond @triage "refused: strangers on the network could say anything of '
                'regressions; set PROXY_TLS=yes, or use benchmark-exporter triage\n" 403'
            )
    if part is VMAUTH:
        paths = "|".join(long_term.READ_PATHS)
        yield f"@not_reading not path_regexp ^({paths})$"
        yield 'respond @not_reading "refused: only queries pass this address\n" 403'
    if part is PROMETHEUS and settings.is_open_to_network and not settings.has_tls:
        yield "@write path /api/v1/write* /api/v1/otlp*"
        yield (
            'respond @write "refused: strangers on the network could forge history; use make '
            'backfill, or set PROXY_TLS=yes\n" 403'
        )


def _login(part: Part, settings: Settings) -> Iterator[str]:
    if not settings.has_tls or part is GRAFANA:  # which has a login of its own
        return
    conditions = OPEN_WITHOUT_LOGIN[part]
    if conditions:
        yield "@login {\n\t\t\t" + "\n\t\t\t".join(conditions) + "\n\t\t}"
    matcher = "@login " if conditions else ""
    users = "\n\t\t\t".join(f"{name} {hashed}" for name, hashed in proxy_users.read(settings))
    # Since Caddy 2.8 it is also called basic_auth.
    yield f"basicauth {matcher}{{\n\t\t\t{users}\n\t\t}}"
    yield f"request_header {matcher}-Authorization"


def _template(settings: Settings, name: str, values: Mapping[str, str]) -> str:
    text = (settings.root / TEMPLATES / f"{name}.template").read_text(encoding="utf-8")
    filled = SLOT.sub(lambda slot: values.get(slot[1], slot[0]), text)
    return "\n".join(_without_empty(filled.split("\n")))


def _without_empty(lines: Iterable[str]) -> Iterator[str]:
    """The lines but those of which only the indentation is left."""
    return (line for line in lines if line.strip() or not line)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _without_port(netloc: str) -> str:
    return re.sub(r":[0-9]*$", "", netloc)
