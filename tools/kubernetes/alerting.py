"""AlertmanagerConfigs, as the Prometheus operator's API (monitoring.coreos.com/v1alpha1).

One for each channel, since the operator refuses one whose Secret lacks a key, and with it all its
receivers. It makes each the child of one route, with `continue`, so they do not compete.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from tools.kubernetes.monitoring import CREDENTIAL_KEY, NAME, NAMESPACE, SECRET

API_VERSION = "monitoring.coreos.com/v1alpha1"
CHANNELS = ("pagerduty", "slack", "email")
NOBODY = "nobody"
DIGEST = "WeeklyDigest"
# Of the channels' secrets, by the names that alertmanager.yml gives them.
CHANNEL_SECRET = "benchmark-alerts"  # noqa: S105  # the name of a Secret
EXPORTER_URL = f"http://{NAME}.{NAMESPACE}.svc:8000"

_OPTIONAL = re.compile(r"\$\{\w+:-(?P<default>[^}]*)\}")
_REQUIRED = re.compile(r"\$\{(?P<name>\w+)\}")
_MATCHER = re.compile(r'(?P<name>\w+)\s*(?P<type>=~|!~|!=|=)\s*"(?P<value>[^"]*)"')
_NOTHING = '{{- "" -}}\n'
_TIMES = {
    "group_wait": "groupWait",
    "group_interval": "groupInterval",
    "repeat_interval": "repeatInterval",
}


def without_digest(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration without the weekly digest, which is the stack's alone."""
    route = configuration["route"]
    routes = [each for each in route["routes"] if DIGEST not in str(each.get("matchers"))]
    return {**configuration, "route": {**route, "routes": routes}}


def exporter_alerts(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """What tells the exporter of each alert, and the inhibition rules of all channels."""
    (receiver,) = (each for each in configuration["receivers"] if each["name"] == "exporter")
    (webhook,) = receiver["webhook_configs"]
    spec = {
        "route": _route(configuration["route"], "exporter"),
        "inhibitRules": [_inhibition(rule) for rule in configuration["inhibit_rules"]],
        "receivers": [
            {
                "name": "exporter",
                "webhookConfigs": [
                    {
                        "url": webhook["url"].replace("${EXPORTER_URL}", EXPORTER_URL),
                        "httpConfig": {
                            "authorization": {"credentials": _key(SECRET, CREDENTIAL_KEY)}
                        },
                        "sendResolved": webhook["send_resolved"],
                    }
                ],
            },
            {"name": NOBODY},
        ],
    }
    return _document(NAME, spec)


def channel_alerts(
    configuration: Mapping[str, Any], channel: str, templates: str
) -> dict[str, Any]:
    """What sends the alerts of a channel.

    `templates` are Alertmanager's. Each text that calls one gets those that it needs: the operator
    has no place for template files.
    """
    (receiver,) = (each for each in configuration["receivers"] if each["name"] == channel)
    convert = {"pagerduty": _pagerduty, "slack": _slack, "email": _email}[channel]
    (options,) = receiver[f"{channel}_configs"]
    texts = _Texts(templates)
    converted = {name: texts.filled(option) for name, option in options.items()}
    spec = {
        "route": _route(configuration["route"], channel),
        "receivers": [
            {"name": NOBODY},
            {"name": channel, f"{channel}Configs": [convert(converted)]},
        ],
    }
    return _document(f"{NAME}-{channel}", spec)


def _document(name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": "AlertmanagerConfig",
        "metadata": {"name": name},
        "spec": dict(spec),
    }


def _key(secret: str, key: str) -> dict[str, str]:
    return {"name": secret, "key": key}


def _route(route: Mapping[str, Any], channel: str) -> dict[str, Any]:
    """The routes as alertmanager.yml has them, for a channel alone.

    A route of others stays where it keeps an alert from a later one.
    """
    receiver = channel if route.get("receiver") == channel else NOBODY
    children: list[dict[str, Any]] = []
    for each in route.get("routes", ()):
        child = _route(each, channel)
        if "matchers" in child:
            if each.get("continue"):
                child["continue"] = True
            if _reaches(child, channel) or not each.get("continue"):
                children.append(child)
        elif _reaches(child, channel):  # of all that no route before it has taken
            receiver = channel
    while children and not _reaches(children[-1], channel) and receiver == NOBODY:
        children.pop()
    return {
        "receiver": receiver,
        **({"matchers": _matchers(route["matchers"])} if "matchers" in route else {}),
        **({"groupBy": route["group_by"]} if "group_by" in route else {}),
        **{theirs: route[ours] for ours, theirs in _TIMES.items() if ours in route},
        **({"routes": children} if children else {}),
    }


def _reaches(route: Mapping[str, Any], channel: str) -> bool:
    return route["receiver"] == channel or any(
        _reaches(child, channel) for child in route.get("routes", ())
    )


def _matchers(matchers: Sequence[str]) -> list[dict[str, str]]:
    return [_matcher(matcher) for matcher in matchers]


def _matcher(matcher: str) -> dict[str, str]:
    match = _MATCHER.fullmatch(matcher.strip())
    if match is None:
        raise ValueError(f"alertmanager.yml: the matcher {matcher} cannot be read")
    # Equality is the default. A bare = is no string in YAML 1.1.
    kind = {} if match["type"] == "=" else {"matchType": match["type"]}
    return {"name": match["name"], **kind, "value": match["value"]}


def _inhibition(rule: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "sourceMatch": _matchers(rule["source_matchers"]),
        "targetMatch": _matchers(rule["target_matchers"]),
        **({"equal": rule["equal"]} if "equal" in rule else {}),
    }


def _pagerduty(options: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "url": options["url"],
        "routingKey": _key(CHANNEL_SECRET, "pagerduty_routing_key"),
        "sendResolved": options["send_resolved"],
        **{name: options[name] for name in ("severity", "class", "component", "group")},
        "description": options["description"],
        "details": _pairs(options["details"]),
        "pagerDutyLinkConfigs": [
            {"href": link["href"], "alt": link["text"]} for link in options["links"]
        ],
    }


def _slack(options: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "apiURL": _key(CHANNEL_SECRET, "slack_webhook_url"),
        "sendResolved": options["send_resolved"],
        **{name: options[name] for name in ("color", "title", "fallback", "text")},
    }


def _email(options: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **{name: options[name] for name in ("to", "from", "smarthost")},
        "requireTLS": options["require_tls"] == "true",
        "authUsername": options["auth_username"],
        "authPassword": _key(CHANNEL_SECRET, "smtp_password"),
        "sendResolved": options["send_resolved"],
        "headers": _pairs(options["headers"]),
        "html": options["html"],
        "text": options["text"],
    }


def _pairs(options: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in options.items()]


class _Texts:
    """Options with what they need of Alertmanager's templates and of settings."""

    def __init__(self, templates: str) -> None:
        without_comments = re.sub(r"\{\{/\*.*?\*/\}\}\n?", "", templates, flags=re.DOTALL)
        parts = re.split(r'(?=\{\{-? *define ")', without_comments)
        self._defined = {
            part.split('"', 2)[1]: part.strip().removeprefix("{{").lstrip("- ")
            for part in parts
            if "define" in part[:15]
        }

    def filled(self, option: Any) -> Any:
        """An option, or what it consists of; settings without a default become their names."""
        if isinstance(option, Mapping):
            return {name: self.filled(each) for name, each in option.items()}
        if isinstance(option, list):
            return [self.filled(each) for each in option]
        if not isinstance(option, str):
            return option
        text = _REQUIRED.sub(r"\g<name>", _OPTIONAL.sub(r"\g<default>", option))
        needed = [self._defined[name] for name in self._needed(text)]
        # Without the line breaks between them, which would be part of the text.
        return "".join(f"{{{{- {each}\n" for each in needed) + (_NOTHING if needed else "") + text

    def _needed(self, text: str) -> list[str]:
        """The names of the templates that a text calls, and of those that they call."""
        found: list[str] = []
        for name in re.findall(r'template "([^"]+)"', text):
            for each in (*self._needed(self._defined[name]), name):
                if each not in found:
                    found.append(each)
        return found
