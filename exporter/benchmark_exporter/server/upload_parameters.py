"""The query parameters of an upload, which stand for a file's sidecar."""

import re
from collections.abc import Mapping
from datetime import UTC

import msgspec
from aiohttp import web

from benchmark_exporter.formats import Origin, Sidecar, parse_sidecar
from benchmark_exporter.formats.fields import MachinePart
from benchmark_exporter.model import Rejected
from benchmark_exporter.server.refusal import Refusal, Refused

_MACHINE_PREFIX = "machine_"
# The keys of a sidecar, with those of its machine prefixed.
PARAMETERS = (
    *(name for name in Sidecar.__struct_fields__ if name != "machine"),
    *(_MACHINE_PREFIX + name for name in MachinePart.__struct_fields__),
)


def sidecar_of(request: web.Request) -> bytes:
    """The sidecar that a request's parameters stand for; empty without parameters.

    Equal values give equal bytes, however they are written. An empty parameter counts as absent,
    since an unset variable in a command leaves one.

    Raises:
        Refused: a parameter is unknown, given twice, or invalid.
    """
    for name in request.query:
        if name not in PARAMETERS:
            known = ", ".join(PARAMETERS)
            raise _invalid(f"{name} is not a parameter; the parameters are {known}")
        if len(request.query.getall(name)) > 1:
            raise _invalid(f"{name} is given more than once")
    given = {name: value for name, value in request.query.items() if value}
    if not given:
        return b""
    try:
        sidecar = parse_sidecar(msgspec.json.encode(_nested(given)), Origin()).sidecar
    except Rejected as rejected:
        name = rejected.json_path.removeprefix("$.").replace(".", "_")
        raise _invalid(f"{name}: {rejected.detail}") from rejected
    if sidecar.timestamp is not None:
        sidecar = msgspec.structs.replace(sidecar, timestamp=sidecar.timestamp.astimezone(UTC))
    fields = {name: getattr(sidecar, name) for name in Sidecar.__struct_fields__}
    return msgspec.json.encode({name: value for name, value in fields.items() if value is not None})


def _invalid(detail: str) -> Refused:
    return Refused(400, Refusal("invalid_parameter", detail))


def _nested(given: Mapping[str, str]) -> dict[str, object]:
    """Parameters in the form of a sidecar."""
    machine: dict[str, object] = {
        name.removeprefix(_MACHINE_PREFIX): int(value)
        if name == "machine_cpu_count" and re.fullmatch("[0-9]{1,15}", value)
        else value
        for name, value in given.items()
        if name.startswith(_MACHINE_PREFIX)
    }
    others = {name: value for name, value in given.items() if not name.startswith(_MACHINE_PREFIX)}
    return {**others, "machine": machine} if machine else {**others}
