"""`make release VERSION=1.2.3`: the version, the changelog's heading, a commit and its tag.

The commit also gets what this version leaves behind (tests/upgrades), which every later version has
to be able to take over.
"""

import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from stack.settings import ROOT

VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)")
HEADING = "## Unreleased"
# Where the version stands: a file, and what precedes it there.
PLACES = (
    ("exporter/pyproject.toml", '\nversion = "'),
    (".env.example", "\nEXPORTER_IMAGE=strataregula/benchmark-exporter:"),
)
CHANGELOG = "CHANGELOG.md"
# Makes the fixture of a version from a checkout, and gives its path.
MakeFixture = Callable[[str, Path], Path]


class ReleaseError(Exception):
    """Why nothing was released; the message says what to do."""


def release(root: Path, version: str, today: date, make_fixture: MakeFixture) -> str:
    """Set the version, name the changelog's newest part, commit and tag; gives the tag.

    Raises:
        ReleaseError: the version, the work tree or the changelog is not fit, or there is no
            fixture. Nothing has changed.
    """
    if not VERSION.fullmatch(version):
        raise ReleaseError(f"VERSION must be like 1.2.3, not '{version}'")
    tag = f"v{version}"
    if _git(root, "status", "--porcelain", "--untracked-files=no"):
        raise ReleaseError("there are uncommitted changes; commit or stash them first")
    if _git(root, "tag", "--list", tag):
        raise ReleaseError(f"the tag {tag} exists; choose another VERSION")
    texts = {name: (root / name).read_text(encoding="utf-8") for name, _ in PLACES}
    for name, before in PLACES:
        texts[name] = _with_version(name, texts[name], before, version)
    texts[CHANGELOG] = _with_heading(root / CHANGELOG, version, today)
    fixture = make_fixture(version, root)
    for name, text in texts.items():
        (root / name).write_text(text, encoding="utf-8")
    _git(root, "add", "--", *texts, str(fixture))
    _git(root, "commit", "--quiet", "--message", f"Release {version}")
    _git(root, "tag", "--annotate", "--message", f"Release {version}", tag)
    return tag


def _with_version(name: str, text: str, before: str, version: str) -> str:
    pattern = re.compile(re.escape(before) + r"(\d+\.\d+\.\d+)")
    found = pattern.findall(text)
    if len(found) != 1:
        raise ReleaseError(f"{name} has {len(found)} lines like `{before.strip()}…`, not one")
    if _numbers(version) <= _numbers(found[0]):
        raise ReleaseError(f"VERSION must be higher than {found[0]} of {name}, not '{version}'")
    return pattern.sub(lambda _: before + version, text)


def _with_heading(path: Path, version: str, today: date) -> str:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ReleaseError(f"there is no {CHANGELOG}") from error
    parts = re.split(rf"^{HEADING}[ \t]*$\n", text, flags=re.MULTILINE)
    if len(parts) != 2:
        raise ReleaseError(f"{CHANGELOG} must have one heading `{HEADING}`")
    if not re.split(r"^## ", parts[1], maxsplit=1, flags=re.MULTILINE)[0].strip():
        raise ReleaseError(f"{CHANGELOG} has nothing under `{HEADING}`; write what has changed")
    return f"{parts[0]}{HEADING}\n\n## {version} ({today.isoformat()})\n{parts[1]}"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def _git(root: Path, *words: str) -> str:
    try:
        done = subprocess.run(
            ["git", *words], cwd=root, capture_output=True, text=True, check=False
        )
    except FileNotFoundError as error:
        raise ReleaseError("git is not installed") from error
    if done.returncode:
        raise ReleaseError(f"git {words[0]}: {done.stderr.strip()}")
    return done.stdout.strip()


def _make_fixture(version: str, root: Path) -> Path:
    from tools.make_upgrade_fixture import FixtureError, make  # which only a release needs

    try:
        return make(version, root, root / "tests" / "upgrades")
    except FixtureError as error:
        raise ReleaseError(f"tests/upgrades: {error}") from error


def main(arguments: Sequence[str]) -> int:
    """Release the version named on the command line; 1 where that is not possible."""
    version = arguments[0] if arguments else ""
    try:
        tag = release(ROOT, version, datetime.now(UTC).date(), _make_fixture)
    except ReleaseError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"released {version}; publish it with: git push origin HEAD {tag}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
