"""Mistakes in config.yaml, as sentences that begin with the key; pure."""

import re
from collections.abc import Iterable
from difflib import get_close_matches

import yaml

_KINDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "bool": "true or false",
    "array": "a list",
    "object": "keys with values",
    "null": "null",
}
_EXPECTED = re.compile(r"Expected `([a-z |]+)`(?:, got `(\w+)`)?(?: (of length )?([<>]=?) (\S+))?")
_BOUNDS = {">=": "at least", "<=": "at most", ">": "more than", "<": "less than"}
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`")
_MISSING = re.compile(r"Object missing required field `(.*)`")


def in_words(text: str, known: Iterable[str] = ()) -> str:
    """What msgspec says of a document of settings, with the key first.

    `known` are the keys that may stand where an unknown one does; the most similar one is named.
    """
    reason, _, at = text.partition(" - at `$")
    path = at.removesuffix("`").removeprefix(".")
    if unknown := _UNKNOWN.fullmatch(reason):
        closest = get_close_matches(unknown[1], list(known), 1)
        hint = f"; did you mean {closest[0]}?" if closest else ""
        return f"{_below(path, unknown[1])}: there is no such key{hint}"
    if missing := _MISSING.fullmatch(reason):
        return f"{_below(path, missing[1])}: is missing"
    expected = _EXPECTED.fullmatch(reason)
    said = _expected(*expected.groups()) if expected else reason
    return f"{path}: {said}" if path else said


def yaml_mistake(error: Exception) -> str:
    """What keeps a text from being YAML, in a line, with its place if that is known."""
    mark = getattr(error, "problem_mark", None)
    if isinstance(error, yaml.MarkedYAMLError) and mark is not None and error.problem:
        return f"line {mark.line + 1}, column {mark.column + 1}: {error.problem}"
    return " ".join(str(error).split())


def _below(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _expected(kinds: str, got: str | None, length: str | None, sign: str, bound: str) -> str:
    kind = " or ".join(_KINDS.get(kind, kind) for kind in kinds.split(" | "))
    if got:
        return f"must be {kind}, not {_KINDS.get(got, got)}"
    if not sign:
        return f"must be {kind}"
    if length and (sign, bound) == (">=", "1"):
        return "must not be empty"
    limit = f"{_BOUNDS[sign]} {bound.removesuffix('.0')}"
    return f"must be {kind} of {limit}{' characters' if length else ''}"
