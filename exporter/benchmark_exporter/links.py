"""The public addresses of the stack's parts, for the pages and texts that link to them."""

import re
from collections.abc import Mapping
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

    @property
    def page_origins(self) -> list[str]:
        """The live page's origin as browsers send it (RFC 6454, section 6.2); none if unknown."""
        if "stream" not in self.urls:
            return []
        parts = urlsplit(self.urls["stream"].lower())
        default = {"http": ":80", "https": ":443"}[parts.scheme]
        return [f"{parts.scheme}://{parts.netloc.removesuffix(default)}"]
