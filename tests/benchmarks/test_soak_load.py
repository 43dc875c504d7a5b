"""What benchmarks.soak notes of the files that it writes is what an exporter counts of them."""

import threading
from pathlib import Path

from benchmark_exporter.config import Config
from benchmarks.soak_checks import count_faults, counts, wanted
from benchmarks.soak_disturbance import BACK_SECONDS
from benchmarks.soak_load import REJECTED_SECONDS, Account, ResultWriter
from tests.support.examples import wired_in_a_new_folder

FILES = 300
SEED = 1


class Stop(threading.Event):
    """Is set once it was waited for so many times."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self._left = times

    def wait(self, timeout: float | None = None) -> bool:
        del timeout
        self._left -= 1
        return self._left < 0


def written(results: Path, files: int) -> Account:
    account = Account()
    writer = ResultWriter(results, account, Stop(files), rate=1.0, seed=SEED)
    writer.act()
    return account


def test_every_file_is_counted_even_those_written_just_before_the_load_ends() -> None:
    with wired_in_a_new_folder() as wired:
        account = written(wired.results, FILES)
        assert account.rejected["malformed_json"]
        assert account.rejected["unknown_format"]
        wired.settle()
        shown = counts(wired.samples())
    due = wanted(account)
    assert [fault for name in due for fault in count_faults(shown[name], due[name])] == []


def test_a_bad_file_stays_for_longer_than_the_exporter_may_be_down() -> None:
    assert BACK_SECONDS + Config().settle_seconds < REJECTED_SECONDS
