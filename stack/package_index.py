"""Checks that pip's index can be reached, so that pip need not try for minutes.

Runs before there is a virtual environment, so it needs nothing but Python. Exit status 0 unless the
index is a server that cannot be reached. A proxy, a folder or no index at all is left to pip, and
so is the default of pip where this Python has no pip to ask for it.
"""

import configparser
import importlib
import os
import ssl
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

TIMEOUT_SECONDS = 1.5


def main(environ: Mapping[str, str] = os.environ) -> int:
    """Ask the index for one page; 1 with the reason on standard error where no server answers."""
    options = _options(environ)
    index = options.get("index-url") or _default_index()
    left_to_pip = "proxy" in options or "no-index" in options
    if left_to_pip or not index.startswith(("http://", "https://")):
        return 0
    request = urllib.request.Request(f"{index.rstrip('/')}/pip/", method="HEAD")  # noqa: S310
    # Only whether somebody answers is asked; pip checks who.
    context = ssl._create_unverified_context()  # noqa: S323, SLF001
    try:
        urllib.request.urlopen(  # noqa: S310  # an http address, as checked above
            request, timeout=TIMEOUT_SECONDS, context=context
        ).close()
    except urllib.error.HTTPError:
        return 0  # it answers
    except TimeoutError:
        return 0  # it is slow; pip has more patience
    except OSError as error:
        if isinstance(getattr(error, "reason", None), TimeoutError):
            return 0
        reason = getattr(error, "reason", error)
        shown = index.rpartition("@")[2]  # without a password
        print(
            f"Python's package index cannot be reached ({shown}: {reason}).\n"
            "Connect this machine to the network, or name an index or a proxy that it reaches with "
            "PIP_INDEX_URL or HTTPS_PROXY, and run it again.",
            file=sys.stderr,
        )
        return 1
    return 0


def _default_index() -> str:
    """Where pip looks if nothing else is configured; empty if this Python has no pip."""
    try:
        return str(importlib.import_module("pip._internal.models.index").PyPI.simple_url)
    except (ImportError, AttributeError):
        return ""


def _options(environ: Mapping[str, str]) -> dict[str, str]:
    """What pip's configuration files and variables say; later ones win, variables over all."""
    parser = configparser.RawConfigParser(strict=False)
    home = Path(environ.get("HOME", "/"))
    config = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    files = [Path("/etc/pip.conf"), home / ".pip/pip.conf", config / "pip/pip.conf"]
    if named := environ.get("PIP_CONFIG_FILE"):
        files.append(Path(named))
    try:
        parser.read(files)
    except (OSError, configparser.Error):
        return {}  # pip says what is wrong with them
    options: dict[str, str] = {}
    for section in ("global", "install"):
        if parser.has_section(section):
            options |= dict(parser[section])
    names = ("index-url", "proxy", "no-index")
    variables = {name: environ.get(f"PIP_{name.upper().replace('-', '_')}") for name in names}
    return options | {name: value for name, value in variables.items() if value}


if __name__ == "__main__":
    sys.exit(main())
