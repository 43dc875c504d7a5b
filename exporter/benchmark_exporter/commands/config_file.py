"""The configuration that a command works with."""

from pathlib import Path

import msgspec

from benchmark_exporter.config import Config, load_config, packaged


def read_config(path: Path | None, environment: str | None) -> Config:
    """The configuration in a file, else the packaged one; `environment` replaces its own, if given.

    Raises:
        ConfigError: the file cannot be read, or a key or value of it is wrong.
    """
    config = load_config(path or packaged("config.yaml"))
    if environment is None:
        return config
    return msgspec.structs.replace(config, environment=environment)
