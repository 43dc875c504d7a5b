"""HIGH_AVAILABILITY=yes: two Prometheus with the same rules, three Alertmanagers in a cluster.

Each member is a part of its own: the first of each kind is the one that a stack without members
has, with its name, its data and its internal port.
"""

from collections.abc import Mapping

from stack.parts import is_exporter_alone
from stack.settings import ALERTMANAGER, PROMETHEUS, Part, Settings
from stack.settings import INTERNAL as BEHIND_PROXY

OVERLAY = "docker-compose.ha.yml"


def _like(part: Part, name: str) -> Part:
    return Part(name, part.port_setting, part.ready_path)


PROMETHEUS_B = _like(PROMETHEUS, "prometheus_b")
ALERTMANAGER_B = _like(ALERTMANAGER, "alertmanager_b")
ALERTMANAGER_C = _like(ALERTMANAGER, "alertmanager_c")
ADDED = (PROMETHEUS_B, ALERTMANAGER_B, ALERTMANAGER_C)
MEMBERS: Mapping[Part, tuple[Part, ...]] = {
    PROMETHEUS: (PROMETHEUS, PROMETHEUS_B),
    ALERTMANAGER: (ALERTMANAGER, ALERTMANAGER_B, ALERTMANAGER_C),
}
# The external label that tells the stores apart. No alert has it.
REPLICAS = {PROMETHEUS: "a", PROMETHEUS_B: "b"}
# Where each Alertmanager listens for the others, in mode local.
GOSSIP = {part: _like(part, f"{part.name}_gossip") for part in MEMBERS[ALERTMANAGER]}
# Where the proxy leads to the members that live, for Grafana. It adds no credential.
DOORS = {part: _like(part, f"{part.name}_door") for part in MEMBERS}
# What has an internal port beyond the parts that every stack has.
INTERNAL = (*ADDED, *GOSSIP.values(), *DOORS.values())
# On which the proxy's container has its doors; they are not published.
DOOR_PORTS = {PROMETHEUS: 19090, ALERTMANAGER: 19093}
# By its place in the cluster, a member waits so long before it sends: for the notification of the
# one before it, and word of that. The last one's wait has to stay below group_interval (10 s): with
# 5 s, 13 of 21 alerts that lasted over restarts of members were sent again after their end. With
# 2 s, a receiver that takes a second to answer got messages twice.
CLUSTER_OPTIONS = ("--cluster.peer-timeout=3s", "--cluster.gossip-interval=50ms")


def is_on(settings: Settings) -> bool:
    """Whether the stack has members; an exporter alone has none."""
    return settings["HIGH_AVAILABILITY"] == "yes" and not is_exporter_alone(settings)


def added(settings: Settings) -> tuple[Part, ...]:
    """The parts that other stacks do not have."""
    return ADDED if is_on(settings) else ()


def members(part: Part, settings: Settings) -> tuple[Part, ...]:
    """The members that share a part's work, or the part alone."""
    return MEMBERS.get(part, (part,)) if is_on(settings) else (part,)


def with_internal_port(settings: Settings) -> tuple[Part, ...]:
    """Everything that listens behind the proxy."""
    return (*BEHIND_PROXY, *INTERNAL) if is_on(settings) else BEHIND_PROXY


def compose_variables(settings: Settings, ports: Mapping[str, int]) -> dict[str, str]:
    """What the overlay is filled in with; nothing without it."""
    added_ports = {part: ports.get(part.name, 0) for part in added(settings)}
    return {f"INTERNAL_{part.name.upper()}_PORT": str(port) for part, port in added_ports.items()}


def containers(settings: Settings, ports: Mapping[Part, int]) -> dict[str, str]:
    """The addresses of added parts in the containers' network; `ports` are those of all parts."""
    return {
        member.name: f"{member.name}:{ports[part]}"
        for part in MEMBERS
        for member in members(part, settings)
        if member is not part
    }


def container_doors(settings: Settings) -> Mapping[Part, int]:
    """The ports of the doors in the proxy's container."""
    return DOOR_PORTS if is_on(settings) else {}


def cluster_flags(part: Part, settings: Settings, addresses: Mapping[Part, str]) -> list[str]:
    """The flags by which an Alertmanager finds the others; `addresses` are those of GOSSIP."""
    if not is_on(settings):
        return ["--cluster.listen-address="]
    return [
        f"--cluster.listen-address={addresses[part]}",
        *(f"--cluster.peer={address}" for other, address in addresses.items() if other != part),
        *CLUSTER_OPTIONS,
    ]
