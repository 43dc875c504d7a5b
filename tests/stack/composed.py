"""docker-compose.yml with a checkout's settings filled in."""

import json
import os
import shutil
import subprocess
from typing import Any

import pytest

from stack import exporter_alone
from stack.containers import filled_in
from stack.project import derived_name
from stack.settings import Settings


def compose_configuration(values: Settings) -> Any:
    """What Compose reads; that takes the plugin, but no engine."""
    version = ["docker", "compose", "version"]
    if (
        shutil.which("docker") is None
        or subprocess.run(version, capture_output=True, check=False).returncode
    ):
        pytest.skip("the compose plugin, which fills in docker-compose.yml, is not installed")
    done = subprocess.run(
        exporter_alone.compose(values, ["config", "--format", "json"]),
        cwd=values.root,
        env={**os.environ, **filled_in(values, derived_name(values.root))},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)
