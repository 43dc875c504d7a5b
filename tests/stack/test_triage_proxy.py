"""What the proxy does for the page that confirms the states of regressions."""

from pathlib import Path

import pytest

from stack import proxy, settings
from stack.prepare import prepare
from stack.settings import EXPORTER, LISTENERS
from tests.stack.checkouts import checkout

NETWORK = "0.0.0.0"  # noqa: S104  # what somebody may set
REFUSED = "refused: strangers on the network could say anything of regressions"


def exporter_site(folder: Path, values: dict[str, str]) -> str:
    """The proxy's configuration of the exporter's published port."""
    checkout(folder, values)
    loaded = settings.load(folder, environ={})
    list(prepare(loaded))
    names = [part.name for part in LISTENERS]
    place = proxy.Place(
        folder=str(folder),
        storage=str(folder),
        bind="",
        upstreams=dict.fromkeys(names, "127.0.0.1:1"),
        ports=dict.fromkeys(names, 1),
    )
    text = proxy.configuration(loaded, place)
    return text.split(f"# {EXPORTER.name}\n")[1].split("\n# ")[0]


@pytest.mark.parametrize(
    ("values", "refused", "named"),
    [
        ({}, False, False),
        ({"BIND_ADDRESS": NETWORK}, True, False),
        ({"BIND_ADDRESS": NETWORK, "PROXY_TLS": "yes"}, False, True),
    ],
    ids=["this machine", "the network", "the network with a login"],
)
def test_only_this_machine_or_who_has_logged_in_confirms(
    tmp_path: Path, values: dict[str, str], refused: bool, named: bool
) -> None:
    site = exporter_site(tmp_path / "checkout", values)
    assert (REFUSED in site) == refused
    assert ("header_up X-Stack-User {http.auth.user.id}" in site) == named


def test_no_client_says_who_has_logged_in(tmp_path: Path) -> None:
    exporter_site(tmp_path / "checkout", {})
    text = (tmp_path / "checkout/proxy/Caddyfile.template").read_text(encoding="utf-8")
    assert "request_header -X-Stack-User" in text
