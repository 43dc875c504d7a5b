"""The public addresses of the stack's parts, for the pages and texts that link to them."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

# The addresses that runbooks use, since they are read in the repository too: each part on the
# reader's own machine, on its default port.
ON_ONES_OWN_MACHINE = {
    "http://localhost:8000": "exporter",
    "http://localhost:8765": "stream",
    "http://localhost:9090": "prometheus",
    "http://localhost:9093": "alertmanager",
    "http://localhost:3000": "grafana",
}
_LOCAL_URL = re.compile("|".join(map(re.escape, ON_ONES_OWN_MACHINE)) + r"\b")


@dataclass(frozen=True, slots=True)
class Links:
    """The public address of each part by name, without a trailing slash.

    A part whose address is unknown is absent.
    """

    urls: Mapping[str, str]

    def fill_in(self, text: str) -> str:
        """A runbook's text with these addresses in place of the local ones."""
        return _LOCAL_URL.sub(
            lambda match: self.urls.get(ON_ONES_OWN_MACHINE[match[0]], match[0]), text
        )

    def origins(self, *parts: str) -> Sequence[str]:
        """The origins of these parts' pages as browsers send them (RFC 6454, section 6.2).

        Of all parts if none is named; none of a part whose address is unknown.
        """
        return [_origin(url) for part, url in self.urls.items() if not parts or part in parts]

    @property
    def hosts(self) -> Collection[str]:
        """The names or addresses of the machines that the parts are reached at."""
        return {urlsplit(url).hostname or "" for url in self.urls.values()}


def _origin(url: str) -> str:
    parts = urlsplit(url.lower())
    default = {"http": ":80", "https": ":443"}[parts.scheme]
    return f"{parts.scheme}://{parts.netloc.removesuffix(default)}"
