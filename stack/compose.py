"""The stack as containers, by Docker Compose."""

import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from stack import exporter_alone, high_availability, long_term, parts, project, proxy
from stack.containers import PROXY_STORAGE, filled_in, proxy_place
from stack.log_excerpt import excerpt
from stack.record import Placement
from stack.settings import GRAFANA, PARTS, PROXY, Part, Settings, StackError

ANSWER_SECONDS = 20
REASON_LINES = 4
LOG_TAIL_LINES = 200
PRESSURE = Path("/proc/pressure")
# What Compose prints of parts that were not the reason.
PROGRESS = re.compile(r"^\s*$|^\s*\S+ (Pulling|Interrupted|Skipped|Creat|Start|Running)")
# What the engine's states mean to a user; any other is a failure.
STATES = {"running": "running", "created": "stopped", "exited": "failed", "paused": "stopped"}


def engine_answers() -> bool:
    """Whether a Docker engine and the compose plugin are there."""
    try:
        for command in (["docker", "info"], ["docker", "compose", "version"]):
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=ANSWER_SECONDS,
                check=False,
            )
            if done.returncode:
                return False
    except (OSError, subprocess.TimeoutExpired):
        return False
    return True


class ComposeStack:
    """The stack of one checkout as containers."""

    mode = "compose"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @cached_property
    def project(self) -> str:
        """The project's name; stack/project.py says how it is chosen."""
        return project.project_name(self._settings)

    def parts(self) -> Sequence[Part]:
        """What this stack has of PARTS: Grafana unless GRAFANA_IMAGE is empty."""
        here = [part for part in PARTS if part is not GRAFANA or self._settings["GRAFANA_IMAGE"]]
        added = (*long_term.parts(self._settings), *high_availability.added(self._settings))
        return parts.chosen(self._settings, (*here, *added))

    def placement(self) -> Placement:
        """What other commands have to know of it."""
        command = ("docker", "exec", "--interactive", f"{self.project}-exporter-1")
        return Placement(self.mode, tuple(self.parts()), None, (*command, "benchmark-exporter"))

    def fetch(self) -> Iterator[str]:
        """Fetch the images that are missing and build the exporter's; yields what is done.

        Raises:
            StackError: an image cannot be had, or the project is another checkout's.
        """
        project.refuse_others(self.project, self._settings)
        yield "fetching the images that are missing"
        self._compose(
            *("pull", "--quiet", "--policy", "missing", "--ignore-buildable"),
            *(part.name for part in self.parts()),
            fix="name other images in .env (an empty GRAFANA_IMAGE leaves Grafana out; "
            "tests/images/build makes stand-ins from Debian packages), or use MODE=local",
        )
        yield "building the exporter's image"
        self._compose(
            *("build", "--quiet", "exporter"),
            fix="if the base image cannot be had, name another PYTHON_IMAGE in .env; behind a "
            "proxy, set BUILD_CA_BUNDLE and BUILD_PIP_CONF",
        )

    def up(self) -> Iterator[str]:
        """Start what does not run; yields what is done.

        Raises:
            StackError: a container does not start.
        """
        yield from project.claim(self.project, self._settings)
        self.write_proxy()
        # The proxy last: parts that a version without one has started hold its ports till then.
        behind = [part.name for part in self.parts() if part is not PROXY]
        for names in (behind, [PROXY.name]):
            self._compose(
                *("up", "--detach", "--no-build", "--remove-orphans", *names),
                fix="if a port is taken, stop what has it, or set another in .env",
            )
        if not parts.is_exporter_alone(self._settings):
            yield from self._logs_of("alertmanager_config")

    def create(self) -> None:
        """Make the volumes, and containers that do not run yet.

        Raises:
            StackError: they cannot be made.
        """
        list(project.claim(self.project, self._settings))  # `up` says so too
        self._compose("up", "--no-start", "--no-build", *(part.name for part in self.parts()))

    def down(self) -> Iterator[str]:
        """Stop and remove the containers; the volumes stay."""
        self._compose("down", "--remove-orphans")
        yield from ()

    def render(self) -> Iterator[str]:
        """Write the proxy's configuration, and Alertmanager's of the channels that have a secret.

        Yields a line for each channel.
        """
        self.write_proxy()
        if parts.is_exporter_alone(self._settings):
            return
        rendered = self._compose("run", "--rm", "--no-deps", "alertmanager_config")
        yield from rendered.splitlines()

    def certificate_authority(self) -> Path | None:
        """A copy of the root certificate of the proxy's own authority, if it has one.

        Raises:
            StackError: the proxy does not run.
        """
        if not proxy.has_authority(self._settings):
            return None
        copy = self._settings.state_dir / "proxy_root.crt"
        self._compose("cp", f"{PROXY.name}:{PROXY_STORAGE}/{proxy.ROOT_CERTIFICATE}", str(copy))
        return copy

    def write_proxy(self) -> None:
        """Write the proxy's configuration, and vmauth's.

        Raises:
            OSError: they cannot be written.
        """
        proxy.write(self._settings, proxy_place(self._settings))
        long_term.write(self._settings, "victoriametrics:8428")

    def states(self) -> Mapping[str, str]:
        """Whether each part is running, stopped or failed."""
        stopped = {part.name: "stopped" for part in self.parts()}
        found = {one["Service"]: STATES.get(one["State"], "failed") for one in self._containers()}
        return stopped | {name: found[name] for name in stopped if name in found}

    def images(self) -> Mapping[str, str]:
        """The image of each part that has a container."""
        return {one["Service"]: one["Image"] for one in self._containers()}

    def own_ports(self) -> set[int]:
        """The ports of this machine that the containers publish."""
        return {
            publisher["PublishedPort"]
            for one in self._containers()
            for publisher in one.get("Publishers") or ()
        }

    def logs(self, part: str | None, *, follow: bool) -> None:
        """Show the newest lines of the logs, and with `follow` what is added to them."""
        words = ["logs", "--tail", "50", *(["--follow"] if follow else [])]
        self.run([*words, *([part] if part else [])])

    def last_words(self, part: Part) -> list[str]:
        """The lines of a part's log that say why it does not run."""
        return excerpt(self.newest_lines(part))

    def newest_lines(self, part: Part) -> list[str]:
        """The end of a part's log."""
        return self._logs_of(part.name)

    def exporter_command(self, *words: str) -> str:
        """Run `benchmark-exporter` in the exporter's container, and give what it prints.

        Raises:
            StackError: it fails; the message has its reason.
        """
        return self._compose("exec", "--no-TTY", "exporter", "benchmark-exporter", *words)

    def run(self, words: Sequence[str]) -> int:
        """Run any command of `docker compose` on this checkout's project; its exit status."""
        root, environment = self._settings.root, self._environment()
        command = exporter_alone.compose(self._settings, words)
        return subprocess.run(command, cwd=root, env=environment, check=False).returncode

    def is_claimed(self) -> bool:
        """Whether this checkout was started as containers, and not cleaned since."""
        return project.is_claimed(self._settings)

    def stored(self) -> list[str]:
        """What `clean` would remove, as a user knows it."""
        return [f"volume {name}" for name in project.volumes(self.project)]

    def clean(self) -> None:
        """Remove the containers and everything that they have stored.

        Raises:
            StackError: a volume is left.
        """
        self._compose("down", "--volumes", "--remove-orphans")
        if left := project.volumes(self.project):
            raise StackError(f"these volumes cannot be removed: {', '.join(left)}")
        project.release(self._settings)

    def check(self) -> Iterator[str]:
        """Check docker-compose.yml with the settings filled in.

        Raises:
            StackError: it has a mistake.
        """
        self._compose("config", "--quiet")
        yield "docker-compose.yml is valid"

    def _containers(self) -> list[dict[str, Any]]:
        """The project's containers, as the engine describes them, those that ended included."""
        lines = self._compose("ps", "--all", "--format", "json").splitlines()
        return [json.loads(line) for line in lines if line.strip()]

    def _logs_of(self, service: str) -> list[str]:
        words = ("logs", "--no-color", "--no-log-prefix", "--tail", str(LOG_TAIL_LINES))
        return self._compose(*words, service).splitlines()

    def _empty_folder(self) -> Path:
        folder = self._settings.state_dir / "empty"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _compose(self, *arguments: str, fix: str = "") -> str:
        try:
            done = subprocess.run(
                exporter_alone.compose(self._settings, arguments),
                cwd=self._settings.root,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
        except FileNotFoundError as error:
            raise StackError("docker is not installed; install it, or use MODE=local") from error
        if done.returncode:
            lines = [line for line in done.stderr.splitlines() if not PROGRESS.search(line)]
            reason = "\n".join(f"  {line}" for line in lines[-REASON_LINES:])
            advice = f"\n{fix}" if fix else ""
            raise StackError(f"docker compose {arguments[0]} failed:\n{reason}{advice}")
        return done.stdout

    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            **filled_in(self._settings, self.project),
            # Older kernels have no pressure stall information; the collector then stays empty.
            "HOST_PRESSURE_DIR": str(PRESSURE if PRESSURE.exists() else self._empty_folder()),
            # The build's secrets lie outside of this folder by nature; do not ask about it.
            "BUILDX_BAKE_ENTITLEMENTS_FS": "0",
        }
