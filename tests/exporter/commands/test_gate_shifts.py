"""`check --gate` where many results moved at once."""

import json
from pathlib import Path
from typing import Any

from benchmark_exporter.commands.gate import Gate
from benchmark_exporter.config import Config
from tests.support.command import run
from tests.support.documents import result
from tests.support.histories import STEADY, SUITE


def write(folder: Path, name: str, document: Any) -> Path:
    path = folder / f"{name}.json"
    path.write_text(json.dumps(document))
    return path


def test_results_that_all_became_worse_alike_fail_unless_a_shift_may_pass(tmp_path: Path) -> None:
    earlier = [
        write(tmp_path, f"{number}", result(number, dict.fromkeys(SUITE, each)))
        for number, each in enumerate(STEADY)
    ]
    first, second = (
        write(tmp_path, f"new-{number}", result(number, dict.fromkeys(SUITE, 3.0)))
        for number in (100, 101)
    )
    passed, summary = Gate(Config(), baseline=earlier).check([first, second])
    assert not passed
    assert "**Moved together**: 6 of 6 results are 200.0% worse alike." in summary
    assert "Run the commit before on this machine as well" in summary
    check = run("check", "--gate", first, second, "--on-shift=pass", "--baseline", *earlier)
    assert check.returncode == 0, check.stderr
    assert "**Moved together**" in check.stdout


def test_a_small_shift_fails_on_warning_and_a_faster_machine_never(tmp_path: Path) -> None:
    earlier = [
        write(tmp_path, f"{number}", result(number, dict.fromkeys(SUITE, each)))
        for number, each in enumerate(STEADY)
    ]

    def check(factor: float, *, on_warning: bool) -> bool:
        files = [
            write(tmp_path, f"{factor}-{number}", result(number, dict.fromkeys(SUITE, factor)))
            for number in (100, 101, 102)
        ]
        return Gate(Config(), baseline=earlier).check(files, on_warning=on_warning)[0]

    assert check(1.06, on_warning=False)
    assert not check(1.06, on_warning=True)
    assert not check(1.09, on_warning=False)
    assert check(0.5, on_warning=True)


def test_regressions_of_shared_code_fail_and_are_said_to_be_no_shift(tmp_path: Path) -> None:
    earlier = [
        write(tmp_path, f"{number}", result(number, dict.fromkeys(SUITE, each)))
        for number, each in enumerate(STEADY)
    ]
    slower = dict.fromkeys(SUITE, 1.0) | dict.fromkeys("abcd", 1.5)
    files = [write(tmp_path, f"new-{number}", result(number, slower)) for number in (100, 101)]
    passed, summary = Gate(Config(), baseline=earlier).check(files, on_shift=False)
    assert not passed
    assert "**Regressed together**: 4 of 6 results" in summary
    assert "it is not the machine" in summary
