"""The stack a command belongs to: what `make up` leaves in a checkout, and how it is found.

`make up` writes `.local/stack.json`, `make down` removes it. A command that needs an address or the
ledger takes it from its option, else from the stack of the checkout it is run in. Where there is no
stack, or more than one, a command that writes asks: a default address might be another stack's.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SCHEMA = 1
FILE = Path(".local") / "stack.json"
PARTS = ("exporter", "stream", "prometheus", "alertmanager", "grafana")
MODES = ("local", "compose")


class StackError(Exception):
    """It is not clear which stack is meant; the message says why and what to give."""


@dataclass(frozen=True, slots=True)
class Stack:
    """A stack that `make up` started from `checkout`.

    `addresses` has those of PARTS that run: the file leaves the others out, or says null. `ledger`
    is None where it is inside a container's volume. `internal_addresses` are those behind the
    stack's proxy, which take the credential in `credential_file`; empty where there is no proxy.
    """

    checkout: Path
    mode: str
    addresses: Mapping[str, str]
    results_dir: Path
    ledger: Path | None
    internal_addresses: Mapping[str, str] = field(default_factory=dict)
    credential_file: Path | None = None

    def __str__(self) -> str:
        return f"the stack of {self.checkout}"


@dataclass(frozen=True, slots=True)
class Where:
    """Where a command reads from or writes to, and whose that is, for people.

    `target` is where requests are sent, with `headers`: behind the proxy of a stack, which may ask
    for a login.
    """

    address: str
    stack: Stack | None = None
    internal_address: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def target(self) -> str:
        return self.internal_address or self.address

    def __str__(self) -> str:
        return self.address if self.stack is None else f"{self.address} ({self.stack})"


def read_stack(path: Path) -> Stack:
    """The stack that a file describes. Unknown keys are ignored: a later version may write them.

    Raises:
        StackError: the file cannot be read, or does not describe a stack; names the JSON path.
    """
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise StackError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise StackError(f"{path}: is not JSON: {error}; `make up` writes it again") from error
    try:
        return _stack(document)
    except ValueError as error:
        raise StackError(f"{path}: {error}; `make up` writes it again") from error


def find_stack(named: Path | None, folder: Path) -> Stack | None:
    """The stack that `--stack` names, else the one of the checkout that holds `folder`, if any.

    Raises:
        StackError: there are several, a file cannot be used, or the named one does not exist.
    """
    if named is not None:
        return read_stack(named / FILE if named.is_dir() else named)
    folder = folder.resolve()
    found = [path for each in (folder, *folder.parents) if (path := each / FILE).is_file()]
    if len(found) > 1:
        raise StackError(
            f"more than one stack is found: {', '.join(map(str, found))}; name one with --stack"
        )
    if not found:
        return None
    stack = read_stack(found[0])
    checkout = found[0].parent.parent
    if stack.checkout.resolve() != checkout:
        raise StackError(
            f"{found[0]}: describes the stack of {stack.checkout}, not of this checkout; "
            "start this one with `make up`, or name that one with --stack"
        )
    return stack


def find_address(
    part: str,
    given: str | None,
    named: Path | None,
    *,
    folder: Path | None = None,
    option: str = "--url",
    default: str | None = None,
) -> Where:
    """The address of a part: `given` by its option, else the stack's, else `default`.

    `default` is None for a command that writes.

    Raises:
        StackError: no address is known, or it is not clear which stack is meant.
    """
    if given is not None:
        return Where(given)
    stack = find_stack(named, folder or Path.cwd())
    if stack is not None:
        if part not in stack.addresses:
            raise StackError(f"{stack} has no {part}; give its address with {option}")
        return Where(stack.addresses[part], stack, *_behind_proxy(stack, part))
    if default is None:
        raise StackError(_nothing_found(folder, f"{option} URL"))
    return Where(default)


def find_ledger(
    given: Path | None,
    named: Path | None,
    *,
    folder: Path | None = None,
    default: Path | None = None,
) -> tuple[Path, Where]:
    """The ledger: `given` by its option, else the stack's, else `default`, and how to call it.

    `default` is None for a command that writes, and counts if there is such a file.

    Raises:
        StackError: no ledger is known, the stack's is in a container, or it is not clear which
            stack is meant.
    """
    if given is not None:
        return given, Where(str(given))
    stack = find_stack(named, folder or Path.cwd())
    if stack is not None:
        if stack.ledger is None:
            raise StackError(
                f"the ledger of {stack} is inside a container; run this command there "
                '(make compose ARGS="exec exporter benchmark-exporter ..."), or give --ledger FILE'
            )
        return stack.ledger, Where(str(stack.ledger), stack)
    if default is None or not default.is_file():
        raise StackError(_nothing_found(folder, "--ledger FILE"))
    return default, Where(str(default))


def authorization(credential: str) -> str:
    """The header of that name with which a part of the stack answers on its internal address."""
    return f"Basic {base64.b64encode(f'stack:{credential}'.encode()).decode()}"


def read_credential(path: Path) -> str:
    """The stack's credential in a file.

    Raises:
        StackError: the file cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise StackError(f"{path}: the stack's credential cannot be read: {reason}") from error


def _behind_proxy(stack: Stack, part: str) -> tuple[str, Mapping[str, str]]:
    """The part's internal address, and the headers with which it answers; empty without a proxy."""
    internal = stack.internal_addresses.get(part)
    if internal is None or stack.credential_file is None:
        return "", {}
    credential = read_credential(stack.credential_file)
    if part in ("exporter", "stream"):  # whose Authorization is for tokens
        return internal, {"X-Stack-Credential": credential}
    return internal, {"Authorization": authorization(credential)}


def _nothing_found(folder: Path | None, wanted: str) -> str:
    return (
        f"no running stack is found in {folder or Path.cwd()} or above it; start it with "
        f"`make up`, name it with --stack FOLDER, or give {wanted}"
    )


def _stack(document: Any) -> Stack:
    """Raises ValueError, which names the JSON path."""
    if not isinstance(document, dict):
        raise ValueError("$ is not an object")
    schema = document.get("schema")
    if schema != SCHEMA or isinstance(schema, bool):
        raise ValueError(f"$.schema must be {SCHEMA}, not {schema!r}")
    mode = document.get("mode")
    if mode not in MODES:
        raise ValueError(f"$.mode must be 'local' or 'compose', not {mode!r}")
    addresses = document.get("addresses")
    if not isinstance(addresses, dict):
        raise ValueError("$.addresses is not an object")
    internal = document.get("internal_addresses", {})
    if not isinstance(internal, dict):
        raise ValueError("$.internal_addresses is not an object")
    has_credential = document.get("credential_file") is not None
    return Stack(
        checkout=_absolute(document, "checkout"),
        mode=mode,
        addresses={
            part: _address(addresses, part) for part in PARTS if addresses.get(part) is not None
        },
        results_dir=_absolute(document, "results_dir"),
        ledger=None if document.get("ledger") is None else _absolute(document, "ledger"),
        internal_addresses={
            part: _address(internal, part, "internal_addresses")
            for part in PARTS
            if internal.get(part) is not None
        },
        credential_file=_absolute(document, "credential_file") if has_credential else None,
    )


def _absolute(document: Mapping[str, Any], key: str) -> Path:
    text = document.get(key)
    if not isinstance(text, str) or not Path(text).is_absolute():
        raise ValueError(f"$.{key} must be an absolute path, not {text!r}")
    return Path(text)


def _address(addresses: Mapping[str, Any], part: str, key: str = "addresses") -> str:
    schemes = ("ws://", "wss://") if part == "stream" else ("http://", "https://")
    text = addresses[part]
    if not isinstance(text, str) or not text.startswith(schemes):
        raise ValueError(
            f"$.{key}.{part} must be an address that begins with {schemes[0]} or "
            f"{schemes[1]}, not {text!r}"
        )
    return text.rstrip("/")
