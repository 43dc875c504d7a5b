"""The committed dashboards, by uid."""

import json

from tests.support.paths import REPOSITORY

DASHBOARDS = {
    path.stem: json.loads(path.read_text(encoding="utf-8"))
    for path in sorted((REPOSITORY / "grafana/dashboards").glob("*.json"))
}
