"""Which parts of the stack run: all, or with PARTS=exporter only the exporter and its proxy."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from stack.settings import EXPORTER, LISTENERS, PROXY, STREAM, Part, Settings, StackError

ALL, EXPORTER_ALONE = "all", "exporter"
CHOICES = (ALL, EXPORTER_ALONE)
OF_EXPORTER_ALONE = (EXPORTER, STREAM, PROXY)


def is_exporter_alone(settings: Settings) -> bool:
    """Whether only the exporter runs, for the Prometheus of another stack."""
    return settings["PARTS"] == EXPORTER_ALONE


def chosen(settings: Settings, parts: Iterable[Part]) -> Sequence[Part]:
    """Those of `parts` that PARTS has."""
    return [part for part in parts if not is_exporter_alone(settings) or part in OF_EXPORTER_ALONE]


def listeners(settings: Settings) -> Sequence[Part]:
    """What has a published port."""
    return chosen(settings, LISTENERS)


def has_address(settings: Settings, part: Part) -> bool:
    """Whether pages may link to a part: it runs here, or its public address is set."""
    is_here = not is_exporter_alone(settings) or part in OF_EXPORTER_ALONE
    return is_here or bool(settings.values.get(part.public_url_setting))


def like(settings: Settings, other: Settings) -> Settings:
    """The settings with the PARTS of others."""
    return replace(settings, values={**settings.values, "PARTS": other["PARTS"]})


def require(settings: Settings, what: str, needs: str) -> None:
    """Refuse what an exporter alone cannot do.

    Raises:
        StackError: only the exporter runs.
    """
    if is_exporter_alone(settings):
        raise StackError(
            f"{what} needs {needs}, and PARTS=exporter runs the exporter alone; run it where "
            "the stack is that scrapes this exporter, or start all parts here: make up PARTS=all"
        )
