"""The parts' own addresses, behind the proxy: on 127.0.0.1, at ports chosen at the first `up`.

They are kept in `.local/internal_ports.json`, and chosen again only if others have taken them. The
parts answer there with the stack's credential alone; all commands of the stack use them.
"""

import json
import random
import socket
import ssl
import urllib.request
from collections.abc import Collection, Mapping
from typing import Any

from benchmark_exporter.atomic_write import write_file
from stack import credential
from stack.high_availability import with_internal_port
from stack.settings import LISTENERS, PROXY, Part, Settings

ADDRESS = "127.0.0.1"
NAME = "internal_ports.json"
# Below what Linux gives to outgoing connections, which would take a port between two starts.
PORTS = range(10000, 20000)
ANSWER_SECONDS = 10.0


def ports(settings: Settings) -> Mapping[str, int]:
    """The internal port of each part by its name; none before the first `up`."""
    try:
        recorded = json.loads((settings.state_dir / NAME).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    known = {part.name for part in with_internal_port(settings)}
    return {
        name: port
        for name, port in (recorded.items() if isinstance(recorded, dict) else ())
        if name in known and isinstance(port, int)
    }


def choose_missing(settings: Settings) -> None:
    """Choose a port for each part that has none yet.

    Raises:
        OSError: they cannot be written.
    """
    _choose(settings, ports(settings))


def choose(settings: Settings, own_ports: Collection[int]) -> None:
    """Choose ports before a start: those recorded, unless others than this stack listen there.

    Raises:
        OSError: they cannot be written.
    """
    kept = {
        name: port for name, port in ports(settings).items() if port in own_ports or _is_free(port)
    }
    _choose(settings, kept)


def address(part: Part, settings: Settings) -> str:
    """A part's internal host and port.

    A stack that a version without a proxy has started has none, and listens on the published ones.
    """
    port = ports(settings).get(part.name)
    return f"{settings.reach}:{settings.port(part)}" if port is None else f"{ADDRESS}:{port}"


def url(part: Part, settings: Settings, path: str = "") -> str:
    """A part's internal address; the proxy, which has none, is asked on a published one."""
    return part.url(settings, path) if part is PROXY else f"http://{address(part, settings)}{path}"


def request(
    part: Part,
    settings: Settings,
    path: str,
    *,
    method: str = "GET",
    data: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    timeout_seconds: float = ANSWER_SECONDS,
) -> bytes:
    """Give the body of a part's answer to a request that has the stack's credential.

    Raises:
        urllib.error.HTTPError: the part refuses.
        OSError: it does not answer.
    """
    authorization = {"Authorization": f"Basic {credential.basic(settings)}"}
    asked = urllib.request.Request(  # noqa: S310  # our own http address
        url(part, settings, path),
        data=data,
        headers={**({} if part is PROXY else authorization), **(headers or {})},
        method=method,
    )
    # Only the proxy has a certificate, and it is asked for nothing but whether it is ready.
    context = ssl._create_unverified_context() if part is PROXY else None  # noqa: S323, SLF001
    with urllib.request.urlopen(asked, timeout=timeout_seconds, context=context) as answer:  # noqa: S310
        body: bytes = answer.read()
        return body


def get_json(
    part: Part, settings: Settings, path: str, timeout_seconds: float = ANSWER_SECONDS
) -> Any:
    """Give the JSON of a part's answer.

    Raises:
        OSError: it does not answer, or refuses.
        ValueError: the answer is not JSON.
    """
    return json.loads(request(part, settings, path, timeout_seconds=timeout_seconds))


def _choose(settings: Settings, kept: Mapping[str, int]) -> None:
    chosen = dict(kept)
    taken = {settings.port(part) for part in LISTENERS} | set(chosen.values())
    for part in with_internal_port(settings):
        if part.name not in chosen:
            free = (port for port in random.sample(PORTS, len(PORTS)) if port not in taken)
            chosen[part.name] = next(port for port in free if _is_free(port))
            taken.add(chosen[part.name])
    if chosen != ports(settings):
        write_file(settings.state_dir / NAME, (json.dumps(chosen, indent=2) + "\n").encode())


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ADDRESS, port))
            probe.listen(1)
        except OSError:
            return False
    return True
