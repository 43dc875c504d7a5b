"""config.yaml and flags to one frozen Config."""

import logging
import re
from datetime import tzinfo
from importlib.resources import files
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec
import yaml

from benchmark_exporter.config_file.deprecations import without_deprecated
from benchmark_exporter.config_file.mistakes import in_words, yaml_mistake
from benchmark_exporter.limits import LimitsEntry, LimitsFor, parse_entry
from benchmark_exporter.links import Repositories, Repository, repository_flaw
from benchmark_exporter.model import Gate
from benchmark_exporter.names import Alias, alias_flaw
from benchmark_exporter.regression import Limits, Policy, Positive
from benchmark_exporter.wording import reason_of

log = logging.getLogger(__name__)

Name = Annotated[str, msgspec.Meta(min_length=1)]
# Without scheme, port or path.
HostName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?$")]


class ConfigError(Exception):
    """A setting that cannot be used; the message names the file, the key and the reason."""


class GateLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Limits for documents that carry none: least speedups, longest p95 in milliseconds."""

    speedup_p50: Positive = 15.0
    speedup_p95: Positive = 12.0
    absolute_p95_ms: Positive = 35.0

    @property
    def gate(self) -> Gate:
        """The gate with these limits."""
        return Gate(self.speedup_p50, self.speedup_p95, self.absolute_p95_ms / 1e3)


def _default_gates() -> dict[Name, GateLimits]:
    return {
        "development": GateLimits(10.0, 8.0, 150.0),
        "release": GateLimits(15.0, 12.0, 100.0),
        "production": GateLimits(20.0, 15.0, 80.0),
    }


class AlertKeeping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long Prometheus must be away until its alerts are kept from ending, and for how long.

    And how long after a restart one that has not come back has ended.
    """

    after_seconds: Positive = 10.0
    report_after_seconds: Positive = 60.0
    extend_seconds: Positive = 120.0
    limit_seconds: Positive = 600.0
    lost_after_seconds: Positive = 360.0


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All settings; config.yaml says what each means."""

    project: Name = "strataregula"
    environment: Name = "local"
    timezone: str = "UTC"
    baseline_version: str = "v0.3.0"
    settle_seconds: Positive = 2.0
    max_file_bytes: Annotated[int, msgspec.Meta(gt=0, le=2**30)] = 10 * 1024 * 1024
    rescan_interval_seconds: Positive = 1.0
    upload_rate_per_second: Positive = 10.0
    upload_timeout_seconds: Positive = 60.0
    upload_burst: Annotated[int, msgspec.Meta(gt=0, le=10**6)] = 100
    default_branch: Name | None = None
    tracked_branches: list[Name] = msgspec.field(default_factory=lambda: ["release/*"])
    clock_tolerance_seconds: Annotated[float, msgspec.Meta(ge=0, le=86_400)] = 300.0
    aliases: list[Alias] = []
    commit_url: str | None = None
    compare_url: str | None = None
    repositories: dict[Name, Repository] = msgspec.field(default_factory=dict)
    allowed_hosts: list[HostName] = []
    stream_origins: list[str] = []
    stream_max_clients: Annotated[int, msgspec.Meta(gt=0, le=10**5)] = 1000
    counter_hold_seconds: Annotated[float, msgspec.Meta(ge=0, le=3600)] = 2.5
    histogram_hold_seconds: Annotated[float, msgspec.Meta(ge=0, le=3600)] = 62.0
    regression_least_seconds: Annotated[float, msgspec.Meta(ge=0, le=3600)] = 30.0
    max_label_bytes: Annotated[int, msgspec.Meta(ge=16, le=500)] = 200
    retention_days: Annotated[float, msgspec.Meta(ge=1, le=36500)] = 400.0
    series_max_age_days: Positive = 35.0
    max_series: Annotated[int, msgspec.Meta(ge=1000)] = 50_000
    alerts_real_target_ratio: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0.8
    critical_speedup_p50: Positive = 10.0
    gate: GateLimits = GateLimits()
    gates: dict[Name, GateLimits] = msgspec.field(default_factory=_default_gates)
    judgement: Limits = Limits()
    limits: list[LimitsEntry] = []
    alert_keeping: AlertKeeping = AlertKeeping()

    def __post_init__(self) -> None:
        """Raises ValueError for an unknown time zone, or settings that contradict each other.

        msgspec makes it a ValidationError.
        """
        try:
            ZoneInfo(self.timezone)
        except (KeyError, OSError, ValueError) as error:
            raise ValueError(
                f"timezone: {self.timezone!r} is not a zone like Asia/Tokyo or UTC"
            ) from error
        if flaw := alias_flaw(self.aliases):
            raise ValueError(flaw)
        if flaw := repository_flaw(self._repository, self.repositories):
            raise ValueError(flaw)
        LimitsFor(self.judgement, self.limits)

    @property
    def series_max_age_seconds(self) -> float:
        """The age without a run at which series are no longer shown."""
        return self.series_max_age_days * 86_400

    @property
    def policy(self) -> Policy:
        """What comparisons are judged by."""
        gates = {environment: limits.gate for environment, limits in self.gates.items()}
        return Policy(self.gate.gate, self.critical_speedup_p50, gates)

    @property
    def limits_for(self) -> LimitsFor:
        """What results are judged by. It remembers what it has looked up, so keep it."""
        return LimitsFor(self.judgement, self.limits)

    @property
    def _repository(self) -> Repository:
        return Repository(self.commit_url, self.compare_url)

    @property
    def repositories_by_project(self) -> Repositories:
        """Where the commits of each project are shown on the web."""
        return Repositories(self._repository, self.repositories)

    @property
    def zone(self) -> tzinfo:
        """The zone of times that state none."""
        return ZoneInfo(self.timezone)


# What has keys of its own, by the key of config.yaml that it stands under.
_SECTIONS: dict[str, type[msgspec.Struct]] = {
    "": Config,
    "aliases": Alias,
    "gate": GateLimits,
    "gates": GateLimits,
    "judgement": Limits,
    "alert_keeping": AlertKeeping,
}


def packaged(name: str) -> Path:
    """Path of a file that comes with the package."""
    return Path(str(files("benchmark_exporter") / name))


def read_yaml(path: Path) -> object:
    """The document in a YAML file.

    Raises:
        ConfigError: the file cannot be read or is no YAML; names the file and the line.
    """
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {reason_of(error)}") from error
    # ValueError: a day 99, say, in what looks like a date
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: is not valid YAML: {yaml_mistake(error)}") from error


def load_config(path: Path) -> Config:
    """The settings in a file. Logs a warning for each key of an earlier version.

    Raises:
        ConfigError: names the file, the key and what is wrong with it.
    """
    document, warnings = without_deprecated(read_yaml(path))
    for warning in warnings:
        log.warning(warning, extra={"fields": {"file": path}})
    _refuse_wrong_limits(path, document)
    try:
        return msgspec.convert(document if document is not None else {}, Config)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}: {in_words(str(error), _known(str(error)))}") from error


def _known(error: str) -> tuple[str, ...]:
    """The keys that may stand where the error is."""
    _, _, at = error.partition(" - at `$.")
    section = re.sub(r"\[[^]]*\]", "", at.removesuffix("`"))
    return _SECTIONS[section].__struct_fields__ if section in _SECTIONS else ()


def _refuse_wrong_limits(path: Path, document: object) -> None:
    """Names the entry of a list, which msgspec does not."""
    entries = document.get("limits") if isinstance(document, dict) else None
    for index, entry in enumerate(entries if isinstance(entries, list) else ()):
        try:
            parse_entry(entry)
        except ValueError as error:
            text = str(error)
            dot = "." if re.match(r"\w+: ", text) else ": "
            raise ConfigError(f"{path}: limits[{index}]{dot}{text}") from error
