"""The stack under test, once for each backend."""

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from stack.compose import engine_answers
from tests.stack.backends import (
    Backend,
    official_images_answer,
    run_compose,
    run_local,
    stand_in_images,
)
from tests.stack.checkouts import checkout, link_programs, ports
from tests.support.chromium import running_browser

# testcontainers' own cleaner is an image, which needs a registry; tests/guardian.py does its work.
os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")


@pytest.fixture(scope="session", params=["local", "compose"])
def backend(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    free_port: Callable[[], int],
) -> Iterator[Backend]:
    """A stack that is up, and empty for the first test; all tests of it share it."""
    folder = tmp_path_factory.mktemp(request.param) / "checkout"
    if request.param == "local":
        request.getfixturevalue("programs")
        yield from run_local(folder, free_port)
        return
    if not engine_answers():
        pytest.skip("no Docker engine with the compose plugin answers")
    yield from run_compose(folder, free_port, _images())


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    yield from running_browser()


@pytest.fixture(scope="session")
def images() -> Callable[[], Mapping[str, str]]:
    """Gives the images of containers by their settings, or skips where there are none."""
    return _images


@pytest.fixture
def folder(tmp_path: Path, free_port: Callable[[], int]) -> Path:
    """A copy of the checkout on ports of its own, in mode local."""
    return checkout(tmp_path / "checkout", {"MODE": "local", **ports(free_port)}).root


@pytest.fixture
def equipped(folder: Path, programs: Mapping[str, list[str]]) -> Path:
    """A copy of the checkout on ports of its own, in mode local, with its programs."""
    assert programs
    link_programs(folder)
    return folder


def _images() -> Mapping[str, str]:
    if official_images_answer():
        return {}
    try:
        return stand_in_images()
    except subprocess.CalledProcessError as error:
        pytest.skip(
            "no registry answers, and stand-ins of the images cannot be built here: "
            f"{error.stderr.strip().splitlines()[-1]}"
        )
