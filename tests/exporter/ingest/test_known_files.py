from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from benchmark_exporter.ingest.inbox import Candidate
from benchmark_exporter.ingest.known_files import KnownFiles
from benchmark_exporter.ingest.packed_candidates import PackedCandidates
from benchmark_exporter.ledger import Signature
from tests.support.documents import perf_suite
from tests.support.ledger_files import known_files
from tests.support.series import INGESTED
from tests.support.wired import Wired

FILES = 200_000
NAMES = st.integers(0, 2000).map("{}.json".format)
SIGNATURES = st.tuples(st.integers(0, 3), st.integers(0, 3), st.just(0))


class Scan(NamedTuple):
    """A scan that finds these files."""

    found: dict[str, Signature]


class Burst(NamedTuple):
    """So many files, recorded by a batch: the table grows."""

    first: int
    files: int


class Record(NamedTuple):
    name: str
    signature: Signature | None


STEPS = st.lists(
    st.builds(Scan, st.dictionaries(NAMES, SIGNATURES))
    | st.builds(Burst, st.integers(0, 1000), st.integers(1, 1000))
    | st.builds(Record, NAMES, st.none() | SIGNATURES),
    max_size=20,
)


@given(STEPS)
def test_the_table_knows_what_a_dict_of_all_files_would(steps: list[Scan | Burst | Record]) -> None:
    known, model = KnownFiles(), dict[str, Signature | None]()
    for step in steps:
        if isinstance(step, Burst):
            for number in range(step.first, step.first + step.files):
                known.record(f"{number}.json", (number, 1, 1))
                model[f"{number}.json"] = (number, 1, 1)
        elif isinstance(step, Record):
            known.record(*step)
            model[step.name] = step.signature
        else:
            known.begin_scan()
            for name, signature in step.found.items():
                assert known.see(name, signature) == (model.get(name) == signature)
            gone = model.keys() - step.found.keys()
            assert known.has_unseen == bool(gone)
            assert {name for name in model if known.is_unseen(name)} == gone
            known.discard_unseen()
            for name in gone:
                del model[name]
        assert len(known) == len(model)
        assert all(name in known for name in model)
        assert all(known.has(name, value) for name, value in model.items() if value is not None)
    assert not any(known.has(name, (9, 9, 9)) for name in model)


def test_files_that_come_and_go_take_no_more_room_than_those_that_are_there() -> None:
    known = KnownFiles()
    for scan in range(600):  # more than there are marks
        known.begin_scan()
        for number in range(100 * scan, 100 * scan + 100):
            known.record(f"{number}.json", (number, 1, 1))
        known.discard_unseen()
    assert len(known) == 100
    assert known.size_bytes < 100_000


def test_a_known_file_takes_at_most_51_bytes() -> None:
    known = KnownFiles((f"{number}.json", (number, 1, 1)) for number in range(FILES))
    assert len(known) == FILES
    assert known.size_bytes <= 51 * FILES


def test_what_was_recorded_during_a_scan_was_seen() -> None:
    known = KnownFiles([("old.json", (1, 1, 1))])
    known.begin_scan()
    known.record("new.json", (2, 1, 1))
    assert known.is_unseen("old.json")
    assert not known.is_unseen("new.json")


def test_candidates_are_taken_out_as_they_were_and_oldest_first() -> None:
    old = Candidate("b.json", "b.json", 2**64 - 1, 2**40, -1, -5)
    young = Candidate("a/\udcff.json", ".uploads/a/\\xff.json", 3, 4, 5, 6)
    same_time = Candidate("é.json", "é.json", 3, 4, 5, 6)
    packed = PackedCandidates()
    for candidate in (same_time, young, old):
        packed.append(candidate)
    batches = list(packed.take_oldest_first(2))
    assert batches == [[old, young], [same_time]]
    assert len(packed) == 0


def test_files_that_have_gone_are_dropped_in_steps(wired: Wired) -> None:
    paths = [wired.drop(f"{number}.json", {"hello": number}) for number in range(1200)]
    wired.settle()
    for path in paths[:700]:
        path.unlink()
    wired.ingest.scan()
    assert sorted(known_files(wired.ledger)) == sorted(path.name for path in paths[700:])


def test_a_file_that_changes_while_a_scan_drops_others_stays(wired: Wired) -> None:
    gone = [wired.drop(f"{number}.json", perf_suite(f"{number}")) for number in range(3)]
    kept = wired.drop("z.json", perf_suite("kept"))
    wired.ingest.scan()
    for path in gone:
        path.unlink()
    steps = wired.ingest.scan_in_steps()
    next(steps)  # the first page of the ledger's files
    back = wired.drop("0.json", perf_suite("back"))
    wired.ingest.check([back])
    list(steps)
    wired.ingest.scan()
    assert sorted(known_files(wired.ledger)) == ["0.json", kept.name]
    assert wired.value(INGESTED) == 5


def test_what_an_event_named_during_a_scan_is_not_read_again(wired: Wired) -> None:
    for number in range(600):
        wired.drop(f"{number}.json", perf_suite(f"{number}"))
    steps = wired.ingest.scan_in_steps()
    next(steps)
    changed = [wired.drop(f"{number}.json", perf_suite(f"new {number}")) for number in range(600)]
    wired.ingest.check(changed)
    list(steps)
    newest = {path.name: path.stat().st_ctime_ns for path in changed}
    known = known_files(wired.ledger)
    assert {name: signature and signature[2] for name, signature in known.items()} == newest
