"""What the pages show at one moment. Nothing of it is copied."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark_exporter.alert_texts.language import ENGLISH
from benchmark_exporter.ledger.current_state import CurrentState
from benchmark_exporter.links import Links, Repositories
from benchmark_exporter.model import SubjectKind
from benchmark_exporter.site.runbooks import runbook_file
from benchmark_exporter.stream.messages import Progress


@dataclass(frozen=True, slots=True)
class Failures:
    """Why what is shown may be old or incomplete.

    `unopened` is why there is nothing to show, `ingest` why no results are ingested, `config` why
    changed settings are refused; each None while all is well. `dropped` counts what `max_series`
    leaves out of /metrics, by kind. `fallback_branches` are projects with the branch that is
    tracked because they have no run of a tracked one.
    """

    unopened: str | None = None
    ingest: str | None = None
    config: str | None = None
    dropped: Mapping[SubjectKind, int] | None = None
    max_series: int = 0
    fallback_branches: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """The ledger's state and what only the process knows.

    `version` is that of the state: another one has another number.
    `running` has the runs that write live files, None where these are for bearers of a token.
    `unfinished` says why each incomplete file is one, by name. `is_ready` says that the results
    folder has been scanned.
    """

    state: CurrentState
    version: int
    running: Sequence[Progress] | None
    unfinished: Mapping[str, str]
    results_dir: str
    is_ready: bool


@dataclass(frozen=True, slots=True)
class Source:
    """Where the pages get what they show.

    `known` raises HTTPServiceUnavailable while there is no state; `failures` never does.
    `runbooks_dir` is the folder of the runbooks. `port` is the exporter's, `stream_port` that of
    the stream, None if it is off; `is_stream_secret` says that it asks for a token. `repositories`
    are those of the settings in effect.
    """

    known: Callable[[], Known]
    failures: Callable[[], Failures]
    links: Links
    runbooks_dir: Path | None
    port: int
    stream_port: int | None
    is_stream_secret: bool = False
    repositories: Callable[[], Repositories] = Repositories

    def runbook(self, name: str, language: str = ENGLISH) -> Path | None:
        """The file of a runbook, None if there is none of that name, or no such language."""
        return runbook_file(self.runbooks_dir, name, language)

    def has_runbook(self, name: str) -> bool:
        """Whether there is a runbook of that name."""
        return self.runbook(name) is not None
