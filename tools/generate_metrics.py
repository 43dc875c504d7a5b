"""Writes docs/metrics.md from the package's metrics.yaml.

With `--check` it writes nothing; it shows the difference and exits 1 if there is one.
"""

import argparse
import difflib
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from benchmark_exporter.config import packaged
from benchmark_exporter.metrics.definitions import Definition, load_definitions

REPOSITORY = Path(__file__).resolve().parent.parent
SOURCE = packaged("metrics.yaml")
PAGE = REPOSITORY / "docs" / "metrics.md"

# As in prometheus/prometheus.yml, which has one job for the state and one for the other parts.
SCRAPED_EVERY = {"state": "1 s", "distributions": "30 s", "resources": "30 s"}

HEAD = """\
<!-- Generated from exporter/benchmark_exporter/metrics.yaml by tools/generate_metrics.py. -->

# Metrics

Every metric that the exporter exposes. Prometheus adds the labels `job` and `instance`.

`/metrics` shows all of them, `/metrics?collect[]=state` those of a part: `state` is scraped every
second, `distributions` and `resources` every 30 s. Most series of the first two are *sparse*:
`/metrics?collect[]=state&sparse=1` and `/metrics?collect[]=distributions&sparse=1`, which
Prometheus scrapes, have them only after a change, and otherwise once a minute ("1 s, sparse" below)
or once in 3.5 minutes ("30 s, sparse"), with the time of the change or of that turn. The buckets,
sum and count of a histogram come together and have one time. So a change is in the next scrape, and
a series that does not change costs one sample a minute, or a seventh of a sample each 30 s. In
queries:

- A selector finds the newest value at any time. The window of a function such as `last_over_time`
  always has a sample if it is 70 s or longer ("30 s, sparse": 5 min); `rate` and `increase` need
  4 min ("30 s, sparse": 14 min).
- `max_over_time` and the like, `rate` and `increase` may miss what was in the first minute of their
  window ("30 s, sparse": 4 min) and ended or was counted there.
- Values stay for five minutes after the exporter stops, or after a series is gone, for example
  because its benchmark was deleted. `up` says whether the exporter is scraped.
- Samples have the exporter's time, so its clock and Prometheus' must agree. Prometheus would show a
  sample from the future only when its own clock gets there.

| metric | type | labels | unit | scraped every | meaning |
|---|---|---|---|---|---|
"""


def render(definitions: Mapping[str, Definition]) -> str:
    """The page, in the order of metrics.yaml."""
    return HEAD + "".join(f"{_row(definition)}\n" for definition in definitions.values())


def _row(definition: Definition) -> str:
    labels = ", ".join(f"`{label}`" for label in definition.labels)
    cells = (
        f"`{definition.name}`",
        definition.type,
        labels,
        definition.unit,
        _scraped_every(definition),
        " ".join(_meaning(definition)),
    )
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _scraped_every(definition: Definition) -> str:
    state, rest = SCRAPED_EVERY["state"], SCRAPED_EVERY[definition.collect]
    if definition.sparse:
        state, rest = f"{state}, sparse", f"{rest}, sparse"
    in_state = ", ".join(
        f"`{value}`" for values in definition.collect_state.values() for value in sorted(values)
    )
    return f"{state}: {in_state}; {rest}: others" if in_state else rest


def _meaning(definition: Definition) -> Iterator[str]:
    yield definition.help
    if definition.buckets:
        yield f"Buckets up to {', '.join(f'{bound:g}' for bound in definition.buckets)}."
    if definition.quantiles:
        yield f"Quantiles {', '.join(f'{quantile:g}' for quantile in definition.quantiles)}."


def main() -> int:
    """Writes or checks the page and returns the exit status."""
    parser = argparse.ArgumentParser(description="Writes docs/metrics.md.")
    parser.add_argument(
        "--check",
        action="store_true",
        help="write nothing; show the difference and exit 1 if there is one",
    )
    check = parser.parse_args().check
    text = render(load_definitions(SOURCE))
    if not check:
        PAGE.write_text(text, encoding="utf-8")
        return 0
    there = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    changes = list(
        difflib.unified_diff(
            there.splitlines(),
            text.splitlines(),
            "docs/metrics.md",
            "docs/metrics.md, generated",
            lineterm="",
        )
    )
    print("\n".join(changes), end="\n" if changes else "")
    return 1 if changes else 0


if __name__ == "__main__":
    sys.exit(main())
