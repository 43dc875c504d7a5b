"""prometheus.yml as Prometheus reads it: that of prometheus/, with what settings add to it."""

import yaml

from benchmark_exporter.atomic_write import write_file
from stack import exporters
from stack.parts import is_sidecar
from stack.settings import Settings

NAME = "prometheus.yml"
# Where the container reads it, below the state folder.
FOLDER = "prometheus-config"
# What is mounted into that folder, each where prometheus.yml expects it.
MOUNTED = ("rules", "targets", "internal", exporters.FOLDER, exporters.CREDENTIALS)


def text(settings: Settings) -> str:
    """The configuration; that of prometheus/ as it is, comments too, where nothing is added.

    Raises:
        OSError: it cannot be read.
        StackError: a file of the user that belongs to it has a mistake.
    """
    written = (settings.root / "prometheus" / NAME).read_text(encoding="utf-8")
    document = yaml.safe_load(written)
    complete = exporters.with_exporters(document, settings)
    if complete == document:
        return written
    return str(yaml.safe_dump(complete, sort_keys=False, allow_unicode=True, width=100))


def lay_out_for_container(settings: Settings) -> None:
    """Write the folder that Prometheus' container mounts, where any user may read it.

    Raises:
        OSError: it cannot be written.
        StackError: a file of the user that belongs to it has a mistake.
    """
    credentials = settings.secrets_dir / exporters.CREDENTIALS
    credentials.mkdir(parents=True, exist_ok=True)
    credentials.chmod(0o750)
    if is_sidecar(settings):
        return
    folder = settings.state_dir / FOLDER
    for path in (folder, *(folder / name for name in MOUNTED)):
        path.mkdir(exist_ok=True)
        path.chmod(0o755)
    write_file(folder / NAME, text(settings).encode(), mode=0o644)
