""".devcontainer/devcontainer.json agrees with the stack, and its own tool can read it."""

import json
import re
import shutil
import subprocess
from typing import Any

import pytest
from dotenv import dotenv_values

from stack.settings import NODE_EXPORTER, PARTS
from tests.support.paths import REPOSITORY

PATH = REPOSITORY / ".devcontainer/devcontainer.json"
TOOL = "@devcontainers/cli@0.89.0"
STREAM_PORT = "8765"
READ_SECONDS = 300


def configuration() -> Any:
    """The file without its comments, which have lines of their own."""
    return json.loads(
        re.sub(r"^\s*//.*$", "", PATH.read_text(encoding="utf-8"), flags=re.MULTILINE)
    )


def test_what_a_person_opens_is_forwarded_and_has_a_label() -> None:
    defaults = dotenv_values(REPOSITORY / ".env.example")
    ports = {defaults[part.port_setting] for part in PARTS if part is not NODE_EXPORTER}
    assert {str(port) for port in configuration()["forwardPorts"]} == ports | {STREAM_PORT}
    assert set(configuration()["portsAttributes"]) == {
        str(port) for port in configuration()["forwardPorts"]
    }
    assert all(attributes["label"] for attributes in configuration()["portsAttributes"].values())


def test_the_image_has_the_python_that_the_project_needs() -> None:
    python = re.search(r"python:(\d+\.\d+)-", configuration()["image"])
    assert python
    assert f'python_version = "{python[1]}"' in (REPOSITORY / "pyproject.toml").read_text()


@pytest.mark.skipif(
    shutil.which("npx") is None,
    reason="Node.js, which the development containers' tool runs on, is not installed",
)
def test_the_tool_reads_what_the_file_says() -> None:
    command = [
        "npx",
        "--yes",
        TOOL,
        "read-configuration",
        "--docker-path",
        "true",
        "--workspace-folder",
        str(REPOSITORY),
    ]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=READ_SECONDS, check=False
    )
    if "npm error network" in done.stderr or "npm ERR! network" in done.stderr:
        pytest.skip(f"{TOOL} cannot be had: {done.stderr}")
    assert done.returncode == 0, done.stderr
    read = json.loads(done.stdout)["configuration"]
    written = configuration()
    assert {name: read[name] for name in written if name not in ("mounts", "customizations")} == {
        name: value for name, value in written.items() if name not in ("mounts", "customizations")
    }
    # What is put in for the variables is the tool's.
    assert read["mounts"][0].endswith(f"target=/workspaces/{REPOSITORY.name}/.venv,type=volume")
