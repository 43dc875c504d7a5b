"""Which lines of a log say why a part does not run."""

from stack.log_excerpt import excerpt

INFO = [f'ts=2026-11-01T12:00:{n:02}Z caller=main.go:1 level=info msg="Starting"' for n in range(9)]
PANIC = [
    "panic: Log entry of 20 is too long",
    "",
    "goroutine 1 [running]:",
    "main.main()",
    "\t/app/cmd/prometheus/main.go:1 +0x1",
]
ERROR = 'ts=2026-11-01T12:00:09Z caller=main.go:9 level=error err="opening storage failed"'


def test_a_panic_comes_before_what_was_logged_after_it() -> None:
    assert excerpt([*INFO, *PANIC, *INFO]) == PANIC


def test_the_newest_panic_counts() -> None:
    newer = ["panic: another", *PANIC[1:]]
    assert excerpt([*PANIC, *INFO, *newer, *INFO]) == newer


def test_an_error_comes_before_information() -> None:
    assert excerpt([*INFO, ERROR, *INFO], 1) == [ERROR]
    assert excerpt([*PANIC, *INFO, ERROR])[0] == PANIC[0]


def test_of_a_traceback_the_exception_is_shown() -> None:
    lines = ["Traceback (most recent call last):", '  File "x.py", line 1', "    import y"]
    exception = "ModuleNotFoundError: No module named 'y'"
    assert excerpt([*lines, exception], 1) == [exception]


def test_without_a_cause_the_last_lines_are_shown() -> None:
    assert excerpt(INFO) == INFO[-5:]
    assert excerpt([]) == []
