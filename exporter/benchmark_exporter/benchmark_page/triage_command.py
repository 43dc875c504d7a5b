"""The commands that say what becomes of a regression, as they can be pasted into a shell."""

import shlex

from benchmark_exporter.model import Scope
from benchmark_exporter.wording import printable


def triage_command(name: str, scope: Scope, state: str = "acknowledged") -> str:
    """The command that gives the open regression of a result a state."""
    return shlex.join(["benchmark-exporter", "triage"]) + f" {_arguments(name, scope, state)}"


def stack_command(name: str, scope: Scope, state: str = "acknowledged") -> str:
    """The same in the folder of the stack, where make expands `$` once more."""
    arguments = _arguments(name, scope, state).replace("$", "$$")
    return f"make triage ARGS={shlex.quote(arguments)}"


def _arguments(name: str, scope: Scope, state: str) -> str:
    # After `--`, a name may begin with a dash.
    options = (
        ("--project", scope.project),
        ("--environment", scope.environment),
        ("--machine-class", scope.machine_class),
        ("--branch", scope.branch),
    )
    words = [_quoted(f"{option}={value}") for option, value in options]
    return " ".join(["set", state, *words, "--", _quoted(name)])


def _quoted(word: str) -> str:
    """A word of a shell. One with control characters is written as bash's `$'…'`."""
    if printable(word) == word:
        return shlex.quote(word)
    escaped = "".join(
        f"\\x{byte:02x}" if byte < 0x20 or byte >= 0x7F else _ESCAPED.get(chr(byte), chr(byte))
        for byte in word.encode("utf-8", "surrogateescape")
    )
    return f"$'{escaped}'"


_ESCAPED = {"'": "\\'", "\\": "\\\\"}
