"""prometheus.yml as Prometheus reads it: that of prometheus/, with what settings add to it."""

from collections.abc import Mapping
from pathlib import Path

import yaml

from stack import alert_texts, credential, exporters, long_term, remote_write
from stack.parts import is_exporter_alone
from stack.settings import VMAUTH, Part, Settings

NAME, RULES = "prometheus.yml", "rules"
# Where the container reads it, below the state folder.
FOLDER = "prometheus-config"
# What is mounted into that folder, each where prometheus.yml expects it.
MOUNTED = ("targets", credential.FOLDER, exporters.FOLDER, exporters.CREDENTIALS)
# The targets of HIGH_AVAILABILITY=yes, which its overlay mounts.
MEMBERS = "members"
CONTAINERS = {part: f"{part.name}:{port}" for part, port in long_term.CONTAINER_PORTS.items()}


def text(settings: Settings, addresses: Mapping[Part, str] = CONTAINERS) -> str:
    """The configuration; that of prometheus/ as it is, comments too, where nothing is added.

    `addresses` are those of the long-term store's parts.

    Raises:
        OSError: it cannot be read.
        StackError: a file of the user that belongs to it has a mistake, or the credentials of
            REMOTE_WRITE_URL are missing, or there are too many.
    """
    written = (settings.root / "prometheus" / NAME).read_text(encoding="utf-8")
    document = yaml.safe_load(written)
    complete = exporters.with_exporters(document, settings)
    if sections := remote_write.sections(settings, f"http://{addresses[VMAUTH]}"):
        jobs = [*complete["scrape_configs"], *long_term.scrape_jobs(settings, addresses)]
        complete = {**complete, "remote_write": sections, "scrape_configs": jobs}
    if complete == document:
        return written
    return str(yaml.safe_dump(complete, sort_keys=False, allow_unicode=True, width=100))


def lay_out_for_container(settings: Settings) -> None:
    """Write the folder that Prometheus' container mounts, for its group alone.

    Raises:
        OSError: it cannot be written.
        StackError: as `text`.
    """
    credentials = settings.secrets_dir / exporters.CREDENTIALS
    credentials.mkdir(parents=True, exist_ok=True)
    credentials.chmod(0o750)
    if is_exporter_alone(settings):
        return
    folder = settings.state_dir / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    credential.share(folder, settings)
    for name in (*MOUNTED, MEMBERS):
        (folder / name).mkdir(exist_ok=True)
    remote_write.write_credentials(settings, folder)
    write_rules(settings, folder / RULES)
    credential.write_shared(folder / NAME, text(settings), settings)


def write_rules(settings: Settings, folder: Path) -> None:
    """Write the rules in the language of alerts into a folder, and remove others from it.

    Raises:
        OSError: they cannot be written.
        StackError: a file of them has a mistake.
    """
    folder.mkdir(exist_ok=True)
    credential.share(folder, settings)
    written = alert_texts.rules(settings)
    for name, content in written.items():
        credential.write_shared(folder / name, content, settings)
    for file in folder.glob("*.yml"):
        if file.name not in written:
            file.unlink()
