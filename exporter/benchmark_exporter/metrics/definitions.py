"""The metrics that exist: metrics.yaml, read and checked."""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from benchmark_exporter.config import ConfigError, packaged, read_yaml
from benchmark_exporter.counters import COUNTERS, HISTOGRAMS, REGRESSIONS_BY_COMMIT
from benchmark_exporter.ledger import Labels

Part = Literal["state", "distributions", "resources"]
PARTS: tuple[Part, ...] = ("state", "distributions", "resources")

Name = Annotated[str, msgspec.Meta(pattern="^[a-z][a-z0-9_]*$")]


class Definition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One metric of metrics.yaml."""

    name: Name
    type: Literal["counter", "gauge", "histogram", "summary"]
    unit: str
    collect: Part
    labels: list[Name]
    help: str
    collect_state: Mapping[Name, frozenset[str]] = {}
    sparse: bool = False
    buckets: list[float] = []
    quantiles: list[float] = []

    @property
    def sparse_parts(self) -> Sequence[Part]:
        """The parts that a scrape with `sparse=1` has only what is new of."""
        return self.parts if self.sparse else ()

    @property
    def parts(self) -> Sequence[Part]:
        """The parts of the exposition that have series of this metric."""
        return ("state", self.collect) if self.collect_state else (self.collect,)

    def part_of(self, labels: Labels) -> Part:
        """The part that has the series with these label values."""
        for name, values in self.collect_state.items():
            if labels[self.labels.index(name)] in values:
                return "state"
        return self.collect


class _MetricsFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    metrics: list[Definition]


def load_definitions(path: Path) -> Mapping[str, Definition]:
    """The metrics that a metrics.yaml declares, by name.

    A file other than the packaged one must declare the same metrics, with the same types and
    labels, since these are what the exporter exposes.

    Raises:
        ConfigError: names the file, the key and the reason.
    """
    metrics = _read(path)
    definitions: dict[str, Definition] = {}
    for index, definition in enumerate(metrics):
        where = f"{path}: $.metrics[{index}] ({definition.name})"
        if definition.name in definitions:
            raise ConfigError(f"{where}: declared twice")
        for problem in _problems(definition):
            raise ConfigError(f"{where}: {problem}")
        definitions[definition.name] = definition
    for problem in _total_problems(definitions):
        raise ConfigError(f"{path}: $.metrics: {problem}")
    own = packaged("metrics.yaml")
    if not path.samefile(own):
        for problem in _differences(definitions, _read(own)):
            raise ConfigError(f"{path}: $.metrics: {problem}")
    return definitions


def _read(path: Path) -> Sequence[Definition]:
    try:
        return msgspec.convert(read_yaml(path), _MetricsFile).metrics
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}: {error}") from error


def _problems(definition: Definition) -> Iterator[str]:
    """What is wrong with a definition by itself."""
    if len(set(definition.labels)) < len(definition.labels):
        yield "a label is listed twice"
    if definition.type == "histogram" and not _are_buckets(definition.buckets):
        yield "a histogram needs buckets: finite numbers in increasing order"
    for name in sorted(definition.collect_state.keys() - set(definition.labels)):
        yield f"collect_state names '{name}', which is not one of its labels"
    if definition.collect_state and definition.type not in ("counter", "gauge"):
        yield f"a {definition.type} is in one part and cannot have collect_state"
    if definition.collect_state and definition.collect == "state":
        yield "collect_state picks series for the state part, so collect must name another part"
    if definition.sparse and definition.collect == "resources":
        yield "series of the resources part cannot be sparse"
    if definition.sparse and definition.type == "summary":
        yield "a summary cannot be sparse"
    if not all(0 <= quantile <= 1 for quantile in definition.quantiles):
        yield "a quantile must be between 0 and 1"


def _are_buckets(bounds: Sequence[float]) -> bool:
    return bool(bounds) and all(map(math.isfinite, bounds)) and list(bounds) == sorted(set(bounds))


def _total_problems(definitions: Mapping[str, Definition]) -> Iterator[str]:
    """Where the definitions do not fit the ledger's totals."""
    for total in (*COUNTERS, REGRESSIONS_BY_COMMIT):
        yield from _misfits(total.metric, "counter", total.labels, definitions.get(total.metric))
    for total in HISTOGRAMS:
        yield from _misfits(total.metric, "histogram", total.labels, definitions.get(total.metric))


def _misfits(
    name: str, kind: str, labels: Sequence[str], definition: Definition | None
) -> Iterator[str]:
    if definition is None:
        yield f"{name} is exposed but not declared"
    elif definition.type != kind or sorted(definition.labels) != sorted(labels):
        yield f"{name} must be a {kind} with the labels [{', '.join(labels)}]"


def _differences(
    definitions: Mapping[str, Definition], packaged_metrics: Sequence[Definition]
) -> Iterator[str]:
    """Where the definitions do not fit what the exporter exposes."""
    for expected in packaged_metrics:
        yield from _misfits(
            expected.name, expected.type, expected.labels, definitions.get(expected.name)
        )
    for name in sorted(definitions.keys() - {expected.name for expected in packaged_metrics}):
        yield f"{name} is declared but nothing exposes it"
