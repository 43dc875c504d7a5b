"""A tool's own file of a run that came in before with a history that was imported.

The history has what was extracted from the file: neither the bytes nor the run's id are those of
the file, and its date is when the extract was made. What they share is the commit, and all of its
values.
"""

import hashlib
from collections.abc import Iterator, Sequence

import msgspec

from benchmark_exporter.ledger import Transaction
from benchmark_exporter.model import Result, Run

FORMAT = "imported"
_DIGITS = 9  # of a value, which may have been converted


def note_imported(
    transaction: Transaction, run: Run, project: str, file_digest: bytes, now: float
) -> None:
    """Notes a run of a history; `file_digest` is of its file's bytes, `now` since 1970."""
    if run.commit_hash:
        values = tuple(result.statistics.mean for result in run.results)
        digest = _digest(run, project, run.results, values)
        transaction.add_document(digest, file_digest, FORMAT, now)
        if not transaction.imported_runs.has(_of_project(project)):
            transaction.add_document(_of_project(project), file_digest, FORMAT, now)


def was_imported(
    transaction: Transaction, run: Run, project: str, file_digest: bytes, now: float
) -> bool:
    """Whether a run is one of a history, and the first that came in since.

    A later one with the same values is another measurement of the commit, such as of a size.
    """
    if not run.commit_hash or not transaction.imported_runs.has_project(project, _of_project):
        return False
    return any(
        transaction.imported_runs.has(digest)
        and transaction.imported_runs.is_there(project, run.commit_hash)
        and transaction.add_document(
            hashlib.sha256(b"again\0" + digest).digest(), file_digest, FORMAT, now
        )
        for digest in dict.fromkeys(_digests(run, project))
    )


def _digests(run: Run, project: str) -> Iterator[bytes]:
    """By which a history may know the run: of its benchmarks alone, or of their variants too."""
    alone = [result for result in run.results if not result.variant]
    for results in (run.results, alone):
        if results:
            typical = [result.statistics.p50 for result in results]
            mean = [result.statistics.mean for result in results]
            for first, second in ((typical, mean), (mean, typical)):
                values = [
                    other if one is None else one for one, other in zip(first, second, strict=True)
                ]
                yield _digest(run, project, results, values)


def _digest(
    run: Run, project: str, results: Sequence[Result], values: Sequence[float | None]
) -> bytes:
    measured = sorted(
        (result.name, result.unit, "" if value is None else f"{value:.{_DIGITS}g}")
        for result, value in zip(results, values, strict=True)
    )
    key = (FORMAT, project, run.commit_hash, measured)
    return hashlib.sha256(msgspec.json.encode(key)).digest()


def _of_project(project: str) -> bytes:
    return hashlib.sha256(f"{FORMAT}\0{project}".encode("utf-8", "replace")).digest()
