"""Other benchmarks of the exporter and the Prometheus that deliver regressions.

They run steadily before, and all of their series are shown and scraped.
"""

import json
import random
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks import servers
from benchmarks.delivery_servers import PROMETHEUS_FOLDER

SEED = 17
A_DOCUMENT = 1000
HISTORY_RUNS = 12  # the judge needs 8 before the newest 3
LIMIT = 10**7


def add_benchmarks(folder: Path, benchmarks: int) -> Path:
    """Write so many benchmarks' results for an exporter of the folder that is not started yet.

    Returns the folder of a Prometheus configuration that scrapes all of their series. Without any,
    that is this repository's, and nothing is written.
    """
    if not benchmarks:
        return PROMETHEUS_FOLDER
    with (folder / servers.CONFIG).open("a", encoding="utf-8") as config:
        config.write(f"max_series: {LIMIT}\n")
    results = folder / "results"
    results.mkdir(exist_ok=True)
    dice = random.Random(SEED)  # noqa: S311  # no secret
    began = datetime.now(UTC) - timedelta(days=3)
    for run in range(HISTORY_RUNS):
        for first in range(0, benchmarks, A_DOCUMENT):
            names = range(first, min(first + A_DOCUMENT, benchmarks))
            document = {
                "schema": "strataregula.result/1",
                "timestamp": (began + timedelta(minutes=run)).isoformat(),
                "project": f"suite-{first // A_DOCUMENT}",
                "environment": "ci",
                "commit": f"commit-{run}",
                "results": [
                    {
                        "benchmark": f"case/{name:05}",
                        "unit": "milliseconds",
                        "samples": [dice.uniform(0.99, 1.01)],
                    }
                    for name in names
                ],
            }
            (results / f"suite-{first}-{run}.json").write_text(json.dumps(document))
    source = folder / "prometheus-source"
    source.mkdir()
    (source / "rules").symlink_to(PROMETHEUS_FOLDER / "rules")
    text = (PROMETHEUS_FOLDER / "prometheus.yml").read_text(encoding="utf-8")
    text = re.sub(r"sample_limit: \d+", f"sample_limit: {LIMIT}", text)
    (source / "prometheus.yml").write_text(text, encoding="utf-8")
    return source
