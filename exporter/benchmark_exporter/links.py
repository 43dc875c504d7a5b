"""Where people reach the parts of the stack, for the pages and texts that lead to them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

# How the runbooks call each part, since they are read in the repository too: as it is on one's own machine, on its default port.
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
    """Public address of each part by its name, without a slash at the end; of a part that is missing nobody said where it is."""

    urls: Mapping[str, str]

    def fill_in(self, text: str) -> str:
        """The text of a runbook with these addresses in it."""
        return _LOCAL_URL.sub(
            lambda match: self.urls.get(ON_ONES_OWN_MACHINE[match[0]], match[0]), text
        )

    @property
    def page_origins(self) -> list[str]:
        """The live page's origin, as a browser tells it (RFC 6454, section 6.2)."""
        if "stream" not in self.urls:
            return []
        parts = urlsplit(self.urls["stream"].lower())
        default = {"http": ":80", "https": ":443"}[parts.scheme]
        return [f"{parts.scheme}://{parts.netloc.removesuffix(default)}"]
