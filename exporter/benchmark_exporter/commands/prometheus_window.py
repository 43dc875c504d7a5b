"""How far back a Prometheus takes and keeps samples, by what its API says of its settings."""

import json
import re
import urllib.error
import urllib.request
from typing import Any

import yaml

from benchmark_exporter.commands.stack_file import Where

TIMEOUT_SECONDS = 10.0
_DURATION = re.compile(r"(\d+)(ms|[ywdhms])")
_UNITS = {
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
    "d": 86_400.0,
    "w": 604_800.0,
    "y": 31_536_000.0,
}
_RETENTION = "storage.tsdb.retention.time"


def window_seconds(where: Where) -> float | None:
    """How old a sample may be that Prometheus takes and keeps; None if it does not say.

    That is the shorter of `out_of_order_time_window` and the retention.
    """
    try:
        config = yaml.safe_load(_asked(where, "config")["yaml"]) or {}
        flags = _asked(where, "flags")
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError):
        return None
    storage = _of(_of(config, "storage"), "tsdb")
    retention = _of(storage, "retention").get("time") or flags.get(_RETENTION)
    spans = [_seconds(storage.get("out_of_order_time_window", "0s")), _seconds(retention)]
    # A retention of 0 is Prometheus' own default, which is shorter than no window is long.
    return None if spans[0] is None else min(span for span in spans if span is not None)


def _asked(where: Where, what: str) -> Any:
    """What `/api/v1/status/` answers. urllib raises errors that are OSErrors or ValueErrors."""
    address = f"{where.target.rstrip('/')}/api/v1/status/{what}"
    request = urllib.request.Request(address, headers=dict(where.headers))  # noqa: S310  # the command line takes http and https alone
    with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310
        return json.load(answer)["data"]


def _of(settings: Any, key: str) -> dict[str, Any]:
    value = settings.get(key) if isinstance(settings, dict) else None
    return value if isinstance(value, dict) else {}


def _seconds(text: object) -> float | None:
    """A duration as Prometheus writes it, like `30d` or `1d12h`; None for 0 and for other texts."""
    if not isinstance(text, str) or not _DURATION.search(text):
        return 0.0 if text == "0" else None
    return sum(int(number) * _UNITS[unit] for number, unit in _DURATION.findall(text)) or None
