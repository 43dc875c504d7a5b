"""What Grafana is provisioned with in mode local: grafana/provisioning with its paths."""

from benchmark_exporter.atomic_write import write_file
from stack import credential
from stack.settings import Settings


def lay_out(settings: Settings) -> None:
    """Write the provisioning's files into the state folder.

    Raises:
        OSError: they cannot be written.
    """
    source = settings.root / "grafana/provisioning"
    for file in source.rglob("*.yml"):
        target = settings.state_dir / "grafana-provisioning" / file.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        text = file.read_text(encoding="utf-8")
        here = text.replace(credential.IN_CONTAINER, str(credential.folder(settings)))
        write_file(target, here.encode())
