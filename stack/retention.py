"""Where Prometheus takes its retention from: by flags, or by its configuration file.

Prometheus 3 deprecates --storage.tsdb.retention.time and .size in favour of the configuration's
storage.tsdb.retention, which older versions, such as Debian 12's 2.42, refuse as an unknown field.
In mode local the program itself says in its help which it takes. The containers' version is pinned
in .env.example, so docker-compose.yml has the flags until that version drops them.
"""

import re
import subprocess
from collections.abc import Sequence

import yaml

from stack.settings import Settings

FLAG = "--storage.tsdb.retention.time"
DEPRECATED = "[DEPRECATED]"


def is_configured(argv: Sequence[str]) -> bool:
    """Whether this Prometheus takes its retention from the configuration file."""
    command = [*argv, "--help"]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    return is_deprecated(done.stdout + done.stderr)  # older versions print it as an error


def is_deprecated(help_text: str) -> bool:
    """Whether a help text calls the flag deprecated, or does not have it any more."""
    described = re.search(rf"{re.escape(FLAG)}\b(.*?)(?=\n +--|\Z)", help_text, re.DOTALL)
    return described is None or DEPRECATED in described[1]


def flags(settings: Settings) -> list[str]:
    """The flags for a Prometheus that takes them."""
    return [
        f"{FLAG}={settings['PROMETHEUS_RETENTION_TIME']}",
        f"--storage.tsdb.retention.size={settings['PROMETHEUS_RETENTION_SIZE']}",
    ]


def with_retention(configuration: str, settings: Settings) -> str:
    """The text of a prometheus.yml with the retention in it."""
    document = yaml.safe_load(configuration)
    document["storage"]["tsdb"]["retention"] = {
        "time": settings["PROMETHEUS_RETENTION_TIME"],
        "size": settings["PROMETHEUS_RETENTION_SIZE"],
    }
    return str(yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100))
