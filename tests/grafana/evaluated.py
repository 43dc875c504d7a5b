"""Expressions of panels over made series, evaluated by promtool."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.grafana.dashboards import DASHBOARDS
from tests.grafana.queries import panels


def panel_of(uid: str, title: str) -> Mapping[str, Any]:
    [panel] = [each for each in panels(DASHBOARDS[uid]) if each["title"] == title]
    return panel


def sample(value: float, **labels: str) -> Mapping[str, object]:
    """Return an expected sample, without a name."""
    quoted = ", ".join(f"{name}={json.dumps(text)}" for name, text in labels.items())
    return {"labels": f"{{{quoted}}}", "value": value}


def evaluate(
    programs: Mapping[str, Sequence[str]],
    folder: Path,
    series: Mapping[str, str],
    expected: Sequence[tuple[str, str, Sequence[Mapping[str, object]]]],
    *,
    interval: str = "30s",
) -> None:
    """Evaluate expressions, each at a time after 1970.

    Args:
        series: the values of each, in promtool's notation, `interval` apart.
        expected: an expression, its time, and the samples that it gives.

    Raises:
        AssertionError: one is an error or gives other samples.
    """
    asked = [
        {"expr": expr, "eval_time": at, "exp_samples": list(samples)}
        for expr, at, samples in expected
    ]
    given = [{"series": name, "values": values} for name, values in series.items()]
    one = {"interval": interval, "input_series": given, "promql_expr_test": asked}
    path = folder / "expressions_test.yml"
    path.write_text(yaml.safe_dump({"tests": [one]}), encoding="utf-8")
    run = subprocess.run(
        [*programs["promtool"], "test", "rules", str(path)],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stdout + run.stderr
