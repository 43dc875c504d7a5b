"""How often rules on verdicts are evaluated, and how long groups of critical alerts wait."""

import re
from dataclasses import dataclass
from pathlib import Path

from benchmarks.servers import BenchmarkError
from stack.settings import ROOT

RULES, ROUTES = Path("prometheus/rules/performance.yml"), Path("alertmanager/alertmanager.yml")
_EVALUATION = re.compile(r"(?<=  - name: performance\n    interval: )\w+")
_WAIT = re.compile(r"(?<=group_wait: &critical_wait )\w+")


@dataclass(frozen=True, slots=True)
class Intervals:
    """Both of a stack, as Prometheus and Alertmanager write durations."""

    name: str
    evaluation: str
    group_wait: str

    def apply(self, root: Path) -> None:
        """Write them into a checkout's configuration, which its stack then has to read."""
        with_evaluation(root / RULES, self.evaluation)
        with_group_wait(root / ROUTES, self.group_wait)


def with_evaluation(rules: Path, duration: str) -> None:
    """Have the rules on verdicts evaluated that often."""
    _replace(rules, _EVALUATION, duration)


def with_group_wait(routes: Path, duration: str) -> None:
    """Have groups of critical alerts wait that long."""
    _replace(routes, _WAIT, duration)


def _replace(path: Path, pattern: re.Pattern[str], duration: str) -> None:
    text, count = pattern.subn(duration, path.read_text(encoding="utf-8"))
    if count != 1:
        raise BenchmarkError(f"{path}: not one match of {pattern.pattern}")
    path.write_text(text, encoding="utf-8")


def _configured(path: Path, pattern: re.Pattern[str]) -> str:
    found = pattern.search((ROOT / path).read_text(encoding="utf-8"))
    if found is None:
        raise BenchmarkError(f"{path}: no match of {pattern.pattern}")
    return found.group()


NOW = Intervals("now", _configured(RULES, _EVALUATION), _configured(ROUTES, _WAIT))
EARLIER = Intervals("0.5.0", "1s", "1s")
