"""The stack as containers, by Docker Compose."""

import os
import subprocess
from collections.abc import Iterator, Sequence

from stack.prepare import secrets_gid
from stack.settings import GRAFANA, PARTS, Part, Settings, StackError

ANSWER_SECONDS = 20
REASON_LINES = 4


def engine_answers() -> bool:
    """Whether a Docker engine and the compose plugin are there."""
    try:
        for command in (["docker", "info"], ["docker", "compose", "version"]):
            if subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=ANSWER_SECONDS,
                check=False,
            ).returncode:
                return False
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return False
    return True


class ComposeStack:
    """The stack of one checkout as containers."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def parts(self) -> Sequence[Part]:
        """What this stack has: Grafana unless GRAFANA_IMAGE is set to nothing."""
        return [part for part in PARTS if part is not GRAFANA or self._settings["GRAFANA_IMAGE"]]

    def fetch(self) -> Iterator[str]:
        """Fetch the images that are missing and build the exporter's; yields what is done.

        Raises:
            StackError: an image cannot be had.
        """
        yield "fetching the images that are missing"
        self._compose(
            *("pull", "--quiet", "--policy", "missing", "--ignore-buildable"),
            *(part.name for part in self.parts()),
            mend="name images that can be had in .env (an empty GRAFANA_IMAGE leaves Grafana out; tests/images/build makes stand-ins of "
            "Debian packages), or use MODE=local",
        )
        yield "building the exporter's image"
        self._compose(
            *("build", "--quiet", "exporter"),
            mend="if the base cannot be had, name another PYTHON_IMAGE in .env; behind a proxy, set BUILD_CA_BUNDLE and BUILD_PIP_CONF",
        )

    def up(self) -> Iterator[str]:
        """Start what does not run; yields what is done.

        Raises:
            StackError: a container does not start.
        """
        self._compose(
            *("up", "--detach", "--no-build", "--remove-orphans"),
            *(part.name for part in self.parts()),
            mend="if a port is taken, stop what has it, or set another in .env",
        )
        yield from self._compose(
            "logs", "--no-color", "--no-log-prefix", "alertmanager_config"
        ).splitlines()

    def down(self) -> Iterator[str]:
        """Stop and remove the containers; the volumes stay."""
        self._compose("down", "--remove-orphans")
        yield from ()

    def render(self) -> Iterator[str]:
        """Write Alertmanager's configuration from the channels that have a secret; yields a line for each channel."""
        yield from self._compose("run", "--rm", "--no-deps", "alertmanager_config").splitlines()

    def process_lines(self) -> Iterator[str]:
        """What the engine says of each container."""
        yield from self._compose("ps", "--format", "table {{.Service}}\t{{.Status}}").splitlines()

    def logs(self, part: str | None, *, follow: bool) -> None:
        """Show the newest lines of the logs, and what is added to them."""
        arguments = [
            "logs",
            "--tail",
            "50",
            *(["--follow"] if follow else []),
            *([part] if part else []),
        ]
        subprocess.run(
            ["docker", "compose", *arguments],
            cwd=self._settings.root,
            env=self._environment(),
            check=False,
        )

    def last_words(self, part: Part, count: int = 5) -> list[str]:
        """The newest log lines of a part."""
        return self._compose(
            "logs", "--no-color", "--no-log-prefix", "--tail", str(count), part.name
        ).splitlines()

    def exporter_command(self, *words: str) -> str:
        """Run `benchmark-exporter` in the exporter's container, and give what it prints.

        Raises:
            StackError: it fails; the message has its reason.
        """
        return self._compose("exec", "--no-TTY", "exporter", "benchmark-exporter", *words)

    def clean(self) -> None:
        """Remove the containers and everything that they have stored."""
        self._compose("down", "--volumes", "--remove-orphans")

    def check(self) -> Iterator[str]:
        """Check docker-compose.yml with the settings filled in.

        Raises:
            StackError: it has a mistake.
        """
        self._compose("config", "--quiet")
        yield "docker-compose.yml is valid"

    def _compose(self, *arguments: str, mend: str = "") -> str:
        done = subprocess.run(
            ["docker", "compose", *arguments],
            cwd=self._settings.root,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            lines = [line for line in done.stderr.splitlines() if line.strip()]
            reason = "\n".join(f"  {line}" for line in lines[-REASON_LINES:])
            raise StackError(
                f"docker compose {arguments[0]} failed:\n{reason}" + (f"\n{mend}" if mend else "")
            )
        return done.stdout

    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            **self._settings.values,  # as they were read, so that compose and this program never disagree about .env
            "SECRETS_GID": str(secrets_gid(self._settings)),
            "BUILDX_BAKE_ENTITLEMENTS_FS": "0",  # the build's secrets are outside of this folder by nature; do not ask
        }
