"""What `make up` says at its end."""

import shlex
import sys
from pathlib import Path

import pytest

from stack import addresses, settings
from stack.settings import PARTS


def test_the_command_to_link_can_be_copied_from_a_path_with_spaces(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = "/srv/my 計測/.venv/bin/python"
    monkeypatch.setattr(sys, "executable", python)
    *_, last = addresses.lines(settings.load(folder, environ={}), PARTS, None)
    words = shlex.split(last.partition(": ")[2])
    assert words == ["ln", "-s", "/srv/my 計測/.venv/bin/benchmark-exporter", "~/.local/bin/"]
