"""Which Compose files a checkout's stack is made of, and what they are filled in with."""

import os
from collections.abc import Collection, Iterator
from pathlib import Path

from stack import high_availability, internal, long_term
from stack.settings import GRAFANA, VMAUTH, Part, Settings

BASE = "docker-compose.yml"
# A user's own, which Compose reads by itself only where no file is named.
OWN = "docker-compose.override.yml"
OVERLAYS = (long_term.OVERLAY, high_availability.OVERLAY)


def variables(settings: Settings) -> dict[str, str]:
    """What the overlays are filled in with; COMPOSE_FILE where there are any."""
    overlays = list(_overlays(settings))
    filled_in = {
        **long_term.compose_variables(settings),
        **high_availability.compose_variables(settings, internal.ports(settings)),
    }
    if not overlays:
        return filled_in
    files = (str(Path(settings.root, name)) for name in (BASE, *overlays, *_own(settings)))
    return {**filled_in, "COMPOSE_FILE": os.pathsep.join(files)}


def left_out(settings: Settings) -> Collection[Part]:
    """The published parts that this stack goes without."""
    without_image = () if settings["GRAFANA_IMAGE"] else (GRAFANA,)
    return (*without_image, *(() if long_term.is_on(settings) else (VMAUTH,)))


def _overlays(settings: Settings) -> Iterator[str]:
    if long_term.is_on(settings):
        yield long_term.OVERLAY
    if high_availability.is_on(settings):
        yield high_availability.OVERLAY


def _own(settings: Settings) -> Iterator[str]:
    """The user's own files: those of COMPOSE_FILE, else the override that Compose knows."""
    chosen = os.environ.get("COMPOSE_FILE", "").split(os.pathsep)
    if named := [name for name in chosen if name and Path(name).name not in (BASE, *OVERLAYS)]:
        yield from named
    elif (settings.root / OWN).is_file():
        yield OWN
