"""Commits as the pages write them, as links where the settings say where a project's are shown."""

from html import escape

from benchmark_exporter.links import NOWHERE, Repository
from benchmark_exporter.texts.say import Say
from benchmark_exporter.wording import printable

CHARACTERS_SHOWN = 12


def commit(commit_hash: str, repository: Repository = NOWHERE) -> str:
    """A commit as people read it, whole when it is pointed at; nothing for none.

    A text that is not a hash is shown as it is, without a link.
    """
    if not commit_hash:
        return ""
    shown = escape(printable(commit_hash[:CHARACTERS_SHOWN]))
    code = f'<code title="{escape(printable(commit_hash))}">{shown}</code>'
    address = repository.commit(commit_hash)
    return code if address is None else outward(address, code)


def compared(base: str, head: str, repository: Repository, say: Say) -> str:
    """A link to the commits after one, up to another, in brackets; nothing without an address."""
    address = repository.compare(base, head)
    return "" if address is None else f" ({outward(address, say('compare'))})"


def outward(address: str, shown: str) -> str:
    """A link to another site, which learns neither that it was followed here nor this window."""
    return f'<a href="{escape(address)}" rel="noopener noreferrer">{shown}</a>'
