"""A checkout with the file that `make up` leaves in it."""

import json
from pathlib import Path
from typing import Any


def stack_of(folder: Path, **changes: Any) -> dict[str, Any]:
    """The content of the file in a checkout; a value of ... leaves a key out."""
    content = {
        "schema": 1,
        "mode": "local",
        "checkout": str(folder),
        "addresses": {
            "exporter": "http://127.0.0.1:18000",
            "stream": "ws://127.0.0.1:18765",
            "prometheus": "http://127.0.0.1:19090",
            "alertmanager": "http://127.0.0.1:19093",
            "grafana": "http://127.0.0.1:13000",
        },
        "results_dir": str(folder / "results"),
        "ledger": str(folder / ".local/exporter/ledger.sqlite3"),
        **changes,
    }
    return {key: value for key, value in content.items() if value is not ...}


def write_stack(folder: Path, **changes: Any) -> Path:
    """Writes the file, and returns its path."""
    path = folder / ".local" / "stack.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(stack_of(folder, **changes)))
    return path
