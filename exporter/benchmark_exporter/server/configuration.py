"""The settings in effect, and config.yaml read again when it changes."""

import logging
from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

from benchmark_exporter.config import Config, ConfigError, load_config
from benchmark_exporter.links import Repositories
from benchmark_exporter.metrics.live import ConfigStatus

log = logging.getLogger(__name__)

_Signature = tuple[int, ...] | str


class Configuration:
    """`now` are the settings in effect, at first those that the exporter was started with.

    `path` is the file that they are read from again, None for the packaged one, which does not
    change. `environment` replaces the file's, if given. `clock` returns seconds since 1970. A file
    that is wrong is refused: `failure` says why, and the settings before it stay.
    """

    def __init__(
        self,
        config: Config,
        path: Path | None,
        environment: str | None,
        clock: Callable[[], float],
    ) -> None:
        self.now = config
        self.failure: str | None = None
        self._path = path
        self._environment = environment
        self._clock = clock
        self._success_seconds = self._checked_seconds = clock()
        self._dealt_with = self._seen = self._signature()

    @property
    def status(self) -> ConfigStatus:
        """Whether the file was accepted when it was last read, and when one was."""
        return ConfigStatus(self.failure is None, self._success_seconds)

    def repositories(self) -> Repositories:
        """Where the settings in effect say that commits are shown."""
        return self.now.repositories_by_project

    @property
    def checked_seconds(self) -> float:
        """When the file was last found to be the one that is in effect or was refused."""
        return self._checked_seconds

    def read_again(self, *, at_once: bool = False) -> Config | None:
        """The settings to put into effect, if the file has changed; None if there are no new ones.

        Whoever has put them into effect calls `set_in_effect`.

        A file that has changed since the last call is left until the next, so that nobody has to
        replace it in one step. `at_once` reads it in any case.
        """
        if self._path is None:
            if at_once:
                log.info("started without --config, so there are no settings to read again")
            return None
        signature = self._signature()
        is_still, self._seen = signature == self._seen, signature
        if not at_once and (signature == self._dealt_with or not is_still):
            if signature == self._dealt_with:
                self._checked_seconds = self._clock()
            return None
        self._dealt_with = signature
        try:
            return self._read(self._path)
        except ConfigError as error:
            self._refuse(str(error), again=at_once)
            return None

    def set_in_effect(self, config: Config) -> None:
        """Notes that every part works by these settings."""
        self.now, self.failure = config, None
        self._success_seconds = self._checked_seconds = self._clock()
        log.info("read the settings again", extra={"fields": {"file": self._path}})

    def _signature(self) -> _Signature:
        """What changes with the file, or with what a link leads to; else why it cannot be read."""
        if self._path is None:
            return ""
        try:
            found = self._path.stat()
        except OSError as error:
            return str(error)
        return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns

    def _read(self, path: Path) -> Config:
        """The settings in the file.

        Raises:
            ConfigError: the file cannot be read, or a key or value of it is wrong.
        """
        read = load_config(path)
        if self._environment is not None:
            read = replace(read, environment=self._environment)
        return read

    def _refuse(self, reason: str, *, again: bool) -> None:
        if reason != self.failure or again:
            log.error(
                "the changed settings are refused, those before stay in effect",
                extra={"fields": {"file": self._path, "reason": reason}},
            )
        self.failure, self._checked_seconds = reason, self._clock()
