"""What Prometheus reads in mode local: prometheus/ with this machine's addresses."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import yaml

from benchmark_exporter.atomic_write import write_file
from stack import (
    alert_texts,
    credential,
    exporters,
    high_availability,
    internal,
    long_term,
    prometheus_config,
    remote_write,
    retention,
)
from stack.settings import PROXY, Part, Settings


def lay_out(
    settings: Settings, folder: Path, parts: Iterable[Part], argv: Sequence[str], prometheus: Part
) -> None:
    """Write the configuration, its rules and its targets into the folder of a Prometheus.

    Nothing but the addresses differs from prometheus/, unless .env adds to the configuration or
    chooses another language of alerts, or the Prometheus that `argv` runs takes its retention from
    it: then that is in it.

    Raises:
        OSError: the folder cannot be written to.
        StackError: .env adds what cannot be used, or rules that are to be translated have a
            mistake.
    """
    source = settings.root / "prometheus"
    (folder / "targets").mkdir(parents=True, exist_ok=True)
    links = {
        # Whatever the language, at the same path, by which Prometheus knows its groups.
        prometheus_config.RULES: _rules(settings, folder),
        credential.FOLDER: credential.folder(settings),
        exporters.FOLDER: source / exporters.FOLDER,
        exporters.CREDENTIALS: settings.secrets_dir / exporters.CREDENTIALS,
    }
    for name, target in links.items():
        link = folder / name
        link.unlink(missing_ok=True)
        link.symlink_to(target)
    remote_write.write_credentials(settings, folder)
    addresses = {part: internal.address(part, settings) for part in long_term.PARTS}
    text = prometheus_config.text(settings, addresses)
    if retention.is_configured(argv):
        text = retention.with_retention(text, settings)
    write_file(folder / prometheus_config.NAME, text.encode())
    here = {part.name: internal.address(part, settings) for part in parts if part is not PROXY}
    here["localhost"] = internal.address(prometheus, settings)
    _write_targets(source / "targets/compose", folder / "targets", here)
    (folder / "members").mkdir(exist_ok=True)
    if not high_availability.is_on(settings):
        here = {}
    _write_targets(source / "targets/members", folder / "members", here)


def _rules(settings: Settings, folder: Path) -> Path:
    """The folder with the rules in the language of alerts."""
    if alert_texts.is_english(settings):
        return settings.root / alert_texts.RULES
    folder /= f"rules-{settings[alert_texts.SETTING]}"
    prometheus_config.write_rules(settings, folder)
    return folder


def _write_targets(source: Path, folder: Path, here: Mapping[str, str]) -> None:
    """Write the targets of containers with the addresses here; those without one are left out."""
    for file in source.glob("*.yml"):
        groups = yaml.safe_load(file.read_text(encoding="utf-8"))
        for group in groups:
            names = [target.partition(":")[0] for target in group["targets"]]
            group["targets"] = [here[name] for name in names if name in here]
        write_file(folder / file.name, yaml.safe_dump(groups).encode())
