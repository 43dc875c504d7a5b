"""Runs commands for `measuring`, one after the other, as a small process of its own.

A child counts the memory of its parent, of which it is a copy at first, as its own. This process
imports next to nothing, so that this hides as little as possible of what a command uses. Requests
and answers are values of `marshal` on standard input and output: a request is the command's words,
its folder, its environment and the file for its output; an answer is the wait status, the duration
in seconds and the peak resident memory in the system's unit, or else the number of the error that
prevented the start.
"""

import marshal
import os
import sys
import time

Answer = int | tuple[int, float, int]


def serve() -> None:
    """Answers requests until standard input ends."""
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    while True:
        try:
            words, folder, environment, output = marshal.load(requests)  # noqa: S302  # our own
        except EOFError:
            return
        marshal.dump(_run(words, folder, environment, output), answers)
        answers.flush()


def _run(words: list[str], folder: str, environment: dict[str, str], output: str) -> Answer:
    failed, failing = os.pipe()  # closed by a start that succeeds
    started = time.perf_counter()
    child = os.fork()
    if child == 0:
        try:
            os.chdir(folder)
            nothing = os.open(os.devnull, os.O_RDONLY)
            log = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            os.dup2(nothing, 0)
            os.dup2(log, 1)
            os.dup2(log, 2)
            os.execvpe(words[0], words, environment)  # noqa: S606  # what the user asked for
        except OSError as error:
            os.write(failing, str(error.errno).encode())
        finally:
            os._exit(127)
    os.close(failing)
    _, status, usage = os.wait4(child, 0)
    seconds = time.perf_counter() - started
    reason = os.read(failed, 16)
    os.close(failed)
    return int(reason) if reason else (status, seconds, usage.ru_maxrss)


if __name__ == "__main__":
    serve()
