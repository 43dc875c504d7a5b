"""What the Prometheus operator makes of the objects, as its documentation says."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_SNAKE = re.compile(r"(?<=[a-z])(?=[A-Z])")


def alertmanager_configuration(configs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Alertmanager's configuration: each object is a route of its namespace that goes on."""
    routes, receivers, inhibitions = [], [{"name": "null"}], []
    for config in configs:
        namespace, name = config["metadata"]["namespace"], config["metadata"]["name"]
        prefix, spec = f"{namespace}/{name}", config["spec"]
        matcher = f'namespace="{namespace}"'
        route = _route(spec["route"], prefix)
        route["matchers"] = [matcher, *route.get("matchers", [])]
        routes.append({**route, "continue": True})
        receivers += [_receiver(each, prefix) for each in spec["receivers"]]
        inhibitions += [
            {
                "source_matchers": [matcher, *map(_matcher, each["sourceMatch"])],
                "target_matchers": [matcher, *map(_matcher, each["targetMatch"])],
                "equal": each.get("equal", []),
            }
            for each in spec.get("inhibitRules", [])
        ]
    return {
        "route": {"receiver": "null", "routes": routes},
        "receivers": receivers,
        "inhibit_rules": inhibitions,
    }


def _route(route: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    converted = {_snake(name): value for name, value in route.items()}
    converted["receiver"] = f"{prefix}/{route['receiver']}"
    if "matchers" in route:
        converted["matchers"] = [_matcher(each) for each in route["matchers"]]
    if "routes" in route:
        converted["routes"] = [_route(each, prefix) for each in route["routes"]]
    return converted


def _matcher(matcher: Mapping[str, str]) -> str:
    return f'{matcher["name"]}{matcher.get("matchType", "=")}"{matcher["value"]}"'


def _receiver(receiver: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """Without options: where alerts go is what matters."""
    return {"name": f"{prefix}/{receiver['name']}"}


def _snake(name: str) -> str:
    return _SNAKE.sub("_", name).lower()


def texts(configs: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Each text of the receivers' options, with where it is."""
    for config in configs:
        yield from _texts(config["spec"]["receivers"], config["metadata"]["name"])


def _texts(value: object, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, each in value.items():
            yield from _texts(each, f"{path}.{name}")
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _texts(each, f"{path}.{index}")
    elif isinstance(value, str):
        yield path, value
