"""prometheus.yml as Prometheus reads it: with what .env adds to it, if anything."""

from collections.abc import Mapping

import yaml

from stack import credential, long_term, remote_write
from stack.settings import VMAUTH, Part, Settings

# Of containers, in the checkout's state; docker-compose.yml mounts it.
FOLDER, NAME = "prometheus-config", "prometheus.yml"
# In the same folder of the container, from elsewhere.
MOUNTED = ("rules", "targets", credential.FOLDER)
CONTAINERS = {part: f"{part.name}:{port}" for part, port in long_term.CONTAINER_PORTS.items()}


def rendered(settings: Settings, addresses: Mapping[Part, str]) -> str:
    """The text of prometheus.yml; `addresses` are those of the long-term store's parts.

    Raises:
        StackError: the credentials of REMOTE_WRITE_URL are missing, or there are too many.
        OSError: prometheus.yml cannot be read.
    """
    text = (settings.root / "prometheus" / NAME).read_text(encoding="utf-8")
    sections = remote_write.sections(settings, f"http://{addresses[VMAUTH]}")
    if not sections:
        return text
    document = yaml.safe_load(text)
    document["remote_write"] = sections
    document["scrape_configs"] += long_term.scrape_jobs(settings, addresses)
    return str(yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100))


def lay_out_for_containers(settings: Settings) -> None:
    """Write what Prometheus' container reads, for this user and the containers' group alone.

    Raises:
        StackError: as `rendered`.
        OSError: it cannot be written.
    """
    folder = settings.state_dir / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    credential.share(folder, settings)
    for name in MOUNTED:
        (folder / name).mkdir(exist_ok=True)
    remote_write.write_credentials(settings, folder)
    credential.write_shared(folder / NAME, rendered(settings, CONTAINERS), settings)
