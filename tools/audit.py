"""Asks the OSV database whether a locked dependency has a known vulnerability.

Exit status 1 if one has. Where the database does not answer, this says so and exits with 0, since
nothing can be said then; with `--required`, it exits with 2.
"""

import argparse
import json
import re
import sys
import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

SERVICE = "https://api.osv.dev"
TIMEOUT_SECONDS = 10.0
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)

Pin = tuple[str, str]


class NoAnswerError(Exception):
    """The database does not answer, or not as documented."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Checks the files of requirements that are named."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("files", nargs="+", type=Path, help="files of locked requirements")
    parser.add_argument("--service", default=SERVICE, help="address of the database")
    parser.add_argument("--required", action="store_true", help="fail if it does not answer")
    options = parser.parse_args(arguments)
    pins = sorted({pin for path in options.files for pin in pins_of(path.read_text())})
    try:
        found = known_vulnerabilities(pins, options.service)
    except NoAnswerError as error:
        print(f"not checked for known vulnerabilities: {options.service}: {error}")
        return 2 if options.required else 0
    for (name, version), identifiers in found.items():
        print(f"{name} {version}: {', '.join(identifiers)}")
    print(f"{len(found)} of {len(pins)} locked packages have known vulnerabilities")
    return 1 if found else 0


def pins_of(requirements: str) -> list[Pin]:
    """The names and versions that a file of requirements locks."""
    return _PINNED.findall(requirements)


def known_vulnerabilities(pins: Sequence[Pin], service: str) -> Mapping[Pin, Sequence[str]]:
    """The identifiers of vulnerabilities by package, for those that have any.

    As https://google.github.io/osv.dev/post-v1-querybatch/ describes.

    Raises:
        NoAnswerError: the database does not answer, or not as documented.
    """
    queries = [
        {"package": {"name": name, "ecosystem": "PyPI"}, "version": version}
        for name, version in pins
    ]
    results = _post(f"{service.rstrip('/')}/v1/querybatch", {"queries": queries})
    try:
        answers: Iterable[Any] = results["results"]
        return {
            pin: [vulnerability["id"] for vulnerability in answer["vulns"]]
            for pin, answer in zip(pins, answers, strict=True)
            if answer.get("vulns")
        }
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise NoAnswerError("the answer is not one of OSV") from error


def _post(url: str, document: object) -> Any:
    if not url.startswith(("https://", "http://127.0.0.1:")):
        raise NoAnswerError("the address must begin with https://")
    request = urllib.request.Request(  # noqa: S310  # an https address, as checked above
        url, json.dumps(document).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310
            return json.load(answer)
    except (OSError, ValueError) as error:
        raise NoAnswerError(str(getattr(error, "reason", error))) from error


if __name__ == "__main__":
    sys.exit(main())
