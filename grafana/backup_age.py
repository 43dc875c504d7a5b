"""Stack health's panels of the newest backup, which `make backup` notes for node_exporter."""

from grafana_foundation_sdk.builders import stat

from grafana.no_data import NO_SAMPLE_OF_NODE
from grafana.panels import now, number
from grafana.style import NEUTRAL, mapping, thresholds

# Where node_exporter is scraped and has nothing of a backup, there was none. Where it is not
# scraped, nothing is known.
NONE_YET = -1
_WORDS = {NONE_YET: ("no backup yet", NEUTRAL)}


def backup_age() -> stat.Panel:
    return _of_newest(
        "Newest backup",
        "The age of the newest complete backup of this checkout. BackupTooOld fires when it is "
        "more than BACKUP_MAX_AGE_DAYS.",
        "time() - max(stack_backup_last_success_timestamp_seconds)",
        unit="dtdurations",
    )


def backup_size() -> stat.Panel:
    return _of_newest(
        "Size of the newest backup",
        "The size of its file.",
        "max(stack_backup_size_bytes)",
        unit="decbytes",
    )


def backup_duration() -> stat.Panel:
    return _of_newest(
        "Duration of the newest backup",
        "How long it took, from its start until its file was complete.",
        "max(stack_backup_duration_seconds)",
        unit="s",
    )


def _of_newest(title: str, description: str, expr: str, *, unit: str) -> stat.Panel:
    none = f'max(up{{job="node"}} == 1) * {NONE_YET}'
    panel = number(
        title,
        description,
        now(f"{expr} or {none}", title.lower()),
        unit=unit,
        no_value=NO_SAMPLE_OF_NODE,
        words=mapping(_WORDS),
    )
    return panel.decimals(1).thresholds(thresholds(NEUTRAL))
