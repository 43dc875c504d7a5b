"""Generate the dashboards, grafana/dashboards/<uid>.json, from Python.

`python -m grafana.generate` writes them. With `--check` it only shows what would change, and fails
if anything would.
"""

import argparse
import difflib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana.alerts import alerts
from grafana.benchmark import benchmark
from grafana.ci import ci
from grafana.compare import compare
from grafana.data_source import of_long_term
from grafana.history import history
from grafana.overview import overview
from grafana.resources import resources
from grafana.stack_health import stack_health

DASHBOARDS = (overview, benchmark, compare, history, ci, resources, alerts, stack_health)
# What reads from the long-term store where there is one.
LONG_TERM_DASHBOARDS = {"history"}
FOLDER = Path(__file__).resolve().parent / "dashboards"


def render() -> dict[Path, str]:
    """Return the text of every dashboard file, by path."""
    return {
        FOLDER / f"{built.uid}.json": _text(built)
        for built in (make().build() for make in DASHBOARDS)
    }


def _text(built: Dashboard) -> str:
    document = json.loads(JSONEncoder().encode(built))
    if built.uid in LONG_TERM_DASHBOARDS:
        document = of_long_term(document)
    for linked in (document, *document["panels"]):
        for link in linked.get("links") or ():
            # The SDK always writes one, and with it Grafana hides the link in a menu.
            del link["placement"]
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def differences(files: dict[Path, str]) -> Iterator[str]:
    """Yield a diff from the folder to its expected content; an extra file is a difference too."""
    for path in sorted({*files, *FOLDER.glob("*.json")}):
        current = path.read_text(encoding="utf-8") if path.exists() else ""
        name = f"dashboards/{path.name}"
        yield from difflib.unified_diff(
            current.splitlines(),
            files.get(path, "").splitlines(),
            name,
            f"{name}, generated",
            lineterm="",
        )


def main() -> int:
    parser = argparse.ArgumentParser(description="Generate the dashboards in grafana/dashboards/.")
    parser.add_argument(
        "--check",
        action="store_true",
        help="write nothing; show the difference and exit 1 if there is one",
    )
    files = render()
    if parser.parse_args().check:
        changes = list(differences(files))
        print("\n".join(changes), end="\n" if changes else "")
        return 1 if changes else 0
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.glob("*.json"):
        if path not in files:
            path.unlink()
    for path, text in files.items():
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
