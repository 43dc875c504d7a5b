"""What Compose's files are filled in with, and where the containers reach each other."""

from stack import credential, high_availability, internal, overlays, parts, proxy
from stack.prepare import secrets_gid
from stack.settings import LISTENERS, Settings

# On which the parts, and for each of them the proxy, listen in their containers.
CONTAINER_PORTS = {
    part: int(port)
    for part, port in zip(LISTENERS, (8000, 9090, 9093, 9100, 3000, 8765, 8427), strict=True)
}
HOSTS = {"stream": "exporter"}
PROXY_STORAGE = "/tmp/caddy"  # noqa: S108  # a volume of the proxy's container


def filled_in(settings: Settings, name: str) -> dict[str, str]:
    """The variables of docker-compose.yml for a project: settings and what follows from them."""
    ports = internal.ports(settings)
    return {
        # As they were read, so that Compose and this program never disagree about .env.
        **settings.values,
        **{part.public_url_setting: settings.public_url(part) for part in LISTENERS},
        **{f"INTERNAL_{part.port_setting}": str(ports.get(part.name, 0)) for part in LISTENERS},
        "COMPOSE_PROJECT_NAME": name,
        "SECRETS_GID": str(secrets_gid(settings)),
        "STACK_CREDENTIAL_DIGEST": credential.digest(settings),
        "SCRAPE_SECRETS_DIGEST": credential.scrape_digest(settings),
        **overlays.variables(settings),
    }


def proxy_place(settings: Settings) -> proxy.Place:
    """Where the proxy's container reaches the parts, and listens."""
    left_out = overlays.left_out(settings)
    shown = parts.listeners(settings)
    here = {part.name: CONTAINER_PORTS[part] for part in shown if part not in left_out}
    return proxy.Place(
        folder="/etc/caddy",
        storage=PROXY_STORAGE,
        bind="",
        upstreams={name: f"{HOSTS.get(name, name)}:{port}" for name, port in here.items()}
        | high_availability.containers(settings, CONTAINER_PORTS),
        ports=here,
        doors=high_availability.container_doors(settings),
    )
