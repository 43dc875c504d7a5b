"""The dashboards as Grafana reads them: grafana/dashboards with this stack's public addresses.

Grafana fills variables into links, but has none for addresses given at its start. A variable that
asks Prometheus for them would break the links whenever Prometheus is down.
"""

from benchmark_exporter.atomic_write import write_file
from benchmark_exporter.links import Links
from stack.settings import LISTENERS, Settings


def lay_out(settings: Settings) -> None:
    """Write the dashboards to `Settings.dashboards_dir`, where Grafana sees a change within 10 s.

    Raises:
        OSError: the folder cannot be written to.
    """
    links = Links({part.name: settings.public_url(part) for part in LISTENERS})
    folder = settings.dashboards_dir
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)  # in a container Grafana is another user, whatever the umask here
    sources = {path.name: path for path in (settings.root / "grafana/dashboards").glob("*.json")}
    for path in folder.iterdir():
        if path.name not in sources:
            path.unlink()
    for name, source in sources.items():
        text = links.fill_in(source.read_text(encoding="utf-8"))
        write_file(folder / name, text.encode(), mode=0o644)
