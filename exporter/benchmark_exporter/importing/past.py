"""What is to be imported: past runs, each of one time, read when their turn comes."""

from collections.abc import Callable
from typing import NamedTuple

from benchmark_exporter.model import PipelineRun, Run


class PastRun(NamedTuple):
    """A run in a history.

    `seconds` is when it was made (since 1970), `place` the file and where in it, `run_id` what the
    run will be called. `identity` tells it from all others, and `digest` is that of its file.
    `read` gives the run, and raises Rejected or OSError.

    `content` is what the document itself is known by, where its date is not in it: another run may
    have the same. It is empty where that is `identity`. `is_extract` says that the history has
    extracted the run from a file that may come in as well.
    """

    seconds: float
    place: str
    run_id: str
    identity: bytes
    digest: bytes
    read: Callable[[], Run | PipelineRun]
    content: bytes = b""
    is_extract: bool = False
