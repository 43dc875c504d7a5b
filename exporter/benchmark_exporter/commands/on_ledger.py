"""What commands do on a ledger, from opening it to the exit status."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmark_exporter.commands import EXIT_OK, EXIT_REJECTED
from benchmark_exporter.commands.open_ledger import open_ledger
from benchmark_exporter.commands.options import DEFAULT_LEDGER, Unusable, announce
from benchmark_exporter.commands.output import show, show_all
from benchmark_exporter.commands.stack_file import StackError
from benchmark_exporter.config import ConfigError
from benchmark_exporter.ledger import Ledger, LedgerError


def act_on_ledger(
    ledger: Path | None,
    stack: Path | None,
    act: Callable[[Ledger], Sequence[str]],
    *,
    refusal: type[Exception],
    writes: str = "",
) -> int:
    """Prints what an action on the ledger returns, or its refusal; gives the exit status.

    `writes` announces the action, if it writes.

    Raises:
        Unusable: the ledger cannot be found or opened.
    """
    try:
        default = None if writes else DEFAULT_LEDGER
        with open_ledger(ledger, stack, default=default) as (opened, where):
            if writes:
                announce(f"{writes} {where}")
            lines = act(opened)
    except refusal as error:
        show(f"benchmark-exporter: {error}", file=sys.stderr)
        return EXIT_REJECTED
    except (ConfigError, LedgerError, StackError) as error:
        raise Unusable(str(error)) from error
    show_all(lines)
    return EXIT_OK
