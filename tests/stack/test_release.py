"""`make release`, in repositories of their own."""

import shutil
import subprocess
from datetime import date
from pathlib import Path

import pytest

from stack.release import ReleaseError, release
from tests.support.paths import REPOSITORY

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
TODAY = date(2026, 11, 30)
CHANGELOG = "# Changelog\n\n## Unreleased\n\n- Faster.\n\n## 0.1.0 (2026-01-01)\n\n- First.\n"


def leave(version: str, root: Path) -> Path:
    """Makes a file in place of the fixture, which tests/exporter/test_upgrade_fixture.py makes."""
    path = root / f"{version}.tar.xz"
    path.touch()
    return path


def leave_nothing(*_: object) -> Path:
    raise ReleaseError("tests/upgrades: waited in vain")


def git(root: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with the files in which this one has its version."""
    (tmp_path / "exporter").mkdir()
    for name in ("exporter/pyproject.toml", ".env.example"):
        shutil.copy(REPOSITORY / name, tmp_path / name)
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "config", "user.name", "Somebody")
    git(tmp_path, "config", "user.email", "somebody@example.org")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "Start")
    return tmp_path


def test_version_changelog_commit_and_tag_are_made_in_one_step(root: Path) -> None:
    assert release(root, "99.0.0", TODAY, leave) == "v99.0.0"
    assert 'version = "99.0.0"' in (root / "exporter/pyproject.toml").read_text()
    image = "EXPORTER_IMAGE=strataregula/benchmark-exporter:99.0.0"
    assert image in (root / ".env.example").read_text()
    assert (root / "CHANGELOG.md").read_text() == CHANGELOG.replace(
        "## Unreleased\n", "## Unreleased\n\n## 99.0.0 (2026-11-30)\n"
    )
    assert git(root, "log", "-1", "--format=%s") == "Release 99.0.0"
    assert "99.0.0.tar.xz" in git(root, "show", "--name-only", "--format=", "HEAD")
    assert git(root, "cat-file", "-t", "v99.0.0") == "tag"
    assert git(root, "rev-parse", "v99.0.0^{commit}") == git(root, "rev-parse", "HEAD")
    assert git(root, "status", "--porcelain") == ""


@pytest.mark.parametrize(
    ("version", "changelog", "why"),
    [
        ("v1", CHANGELOG, "VERSION must be like 1.2.3, not 'v1'"),
        ("", CHANGELOG, "VERSION must be like 1.2.3, not ''"),
        ("0.0.1", CHANGELOG, "VERSION must be higher than"),
        ("99.0.0", "# Changelog\n", "must have one heading `## Unreleased`"),
        ("99.0.0", "## Unreleased\n\n## 0.1.0\n\n- First.\n", "has nothing under"),
    ],
)
def test_nothing_changes_where_it_cannot_be_released(
    root: Path, version: str, changelog: str, why: str
) -> None:
    (root / "CHANGELOG.md").write_text(changelog)
    git(root, "commit", "--all", "--allow-empty", "--quiet", "--message", "Change")
    before = git(root, "rev-parse", "HEAD")
    with pytest.raises(ReleaseError, match=why):
        release(root, version, TODAY, leave)
    assert git(root, "status", "--porcelain") == ""
    assert git(root, "rev-parse", "HEAD") == before
    assert git(root, "tag") == ""


def test_uncommitted_changes_and_a_tag_that_exists_are_refused(root: Path) -> None:
    (root / ".env.example").write_text("")
    with pytest.raises(ReleaseError, match="uncommitted changes"):
        release(root, "99.0.0", TODAY, leave)
    git(root, "checkout", "--quiet", ".env.example")
    git(root, "tag", "v99.0.0")
    with pytest.raises(ReleaseError, match=r"the tag v99\.0\.0 exists"):
        release(root, "99.0.0", TODAY, leave)


def test_without_what_the_version_leaves_behind_it_is_not_released(root: Path) -> None:
    with pytest.raises(ReleaseError, match="waited in vain"):
        release(root, "99.0.0", TODAY, leave_nothing)
    assert git(root, "status", "--porcelain") == ""
    assert git(root, "tag") == ""
