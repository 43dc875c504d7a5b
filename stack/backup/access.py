"""Running `collect` and `place` where the data of a stack is, in either mode."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from stack import project
from stack.backup.layout import STORES
from stack.compose import ComposeStack
from stack.local import LocalStack
from stack.parts import is_exporter_alone
from stack.settings import ROOT, Settings, StackError

Stack = ComposeStack | LocalStack
# Relative to the state folder, in mode local. In mode compose, a store is the volume of its name.
LOCAL_FOLDERS = {
    **{store: f"{store}/data" for store in STORES if store.startswith(("alert", "prom"))},
    "exporter": "exporter",
    "grafana": "grafana",
}
COLLECT, PLACE = "stack.backup.collect", "stack.backup.place"
COPY_MEMORY = "512m"
# What root in a container may do beyond its own files: read and write those of other users, and
# give them to those.
CAPABILITIES = ("CHOWN", "DAC_OVERRIDE", "FOWNER")


class Access:
    """The stores of one stack."""

    def __init__(self, settings: Settings, stack: Stack) -> None:
        self._settings = settings
        self._stack = stack

    def stored(self) -> list[str]:
        """The stores that are there, in the order in which they are collected."""
        if isinstance(self._stack, ComposeStack):
            volumes = set(project.volumes(self._stack.project))
            return [store for store in STORES if self._volume(self._stack, store) in volumes]
        folder = self._settings.state_dir
        return [store for store in STORES if (folder / LOCAL_FOLDERS[store]).is_dir()]

    def restorable(self) -> list[str]:
        """The stores of the parts that this stack has."""
        parts = {part.name for part in self._stack.parts()}
        return [store for store in STORES if store in parts]

    def make(self) -> None:
        """Make the volumes of the stores that are not there yet.

        Raises:
            StackError: they cannot be made.
        """
        if isinstance(self._stack, ComposeStack) and set(self.restorable()) - set(self.stored()):
            self._stack.create()

    def start(
        self,
        module: str,
        words: Sequence[str],
        stores: Sequence[str],
        *,
        stdout: int | None = None,
    ) -> subprocess.Popen[bytes]:
        """Start `collect` or `place` with the folders of some stores.

        It ends when its standard input, a pipe, does. Its standard error is a pipe too.
        """
        if isinstance(self._stack, ComposeStack):
            # One that was left behind by a process that was killed.
            remove = ["docker", "rm", "--force", self._container(self._stack)]
            subprocess.run(remove, capture_output=True, check=False)
            command = [*self._docker(self._stack, module, stores), *words]
            folders = [f"{store}=/data/{store}" for store in stores]
        else:
            command = [sys.executable, "-m", module, *words]
            folder = self._settings.state_dir
            folders = [f"{store}={folder / LOCAL_FOLDERS[store]}" for store in stores]
        return subprocess.Popen(
            [*command, *folders],
            cwd=ROOT,
            start_new_session=True,  # Ctrl-C is for this program, which then ends that one
            stdin=subprocess.PIPE,
            stdout=stdout,
            stderr=subprocess.PIPE,
        )

    def place(self, what: str, stores: Sequence[str]) -> Any:
        """Run `place`; gives what it prints, if that is JSON.

        Raises:
            StackError: it fails.
        """
        if not stores:
            return None
        with self.start(PLACE, [what], stores, stdout=subprocess.PIPE) as process:
            output, errors = _all_of(process)
        if process.returncode:
            raise StackError(f"{what} of {', '.join(stores)}: {errors.decode().strip()}")
        return json.loads(output) if output.strip() else None

    def _docker(self, stack: ComposeStack, module: str, stores: Sequence[str]) -> list[str]:
        reads_only = module == COLLECT
        volumes = [
            # SQLite writes to the folder of a database that it reads.
            f"--volume={self._volume(stack, store)}:/data/{store}"
            + (":ro" if reads_only and store.startswith(("alertmanager", "prometheus")) else "")
            for store in stores
        ]
        return [
            *("docker", "run", "--rm", "--interactive", "--pull=never"),
            f"--name={self._container(stack)}",
            *("--log-driver=none", "--network=none", f"--memory={COPY_MEMORY}"),
            *("--user=0:0", "--cap-drop=ALL", "--security-opt=no-new-privileges:true"),
            *(f"--cap-add={capability}" for capability in CAPABILITIES),
            *("--env=PYTHONDONTWRITEBYTECODE=1", "--workdir=/code"),
            f"--volume={ROOT / 'stack'}:/code/stack:ro",
            *volumes,
            *("--entrypoint=python", self._settings["EXPORTER_IMAGE"], "-m", module),
        ]

    def _container(self, stack: ComposeStack) -> str:
        return f"{stack.project}-backup"

    def _volume(self, stack: ComposeStack, store: str) -> str:
        return f"{stack.project}_{store}"


def program_versions(settings: Settings, stack: Stack) -> Mapping[str, str]:
    """The version of the Prometheus that this stack starts; nothing where it does not say so."""
    if is_exporter_alone(settings):
        return {}
    if isinstance(stack, ComposeStack):
        image = settings["PROMETHEUS_IMAGE"]
        command = ["docker", "run", "--rm", "--network=none", "--pull=never", image, "--version"]
    else:
        command = [*stack.processes.argv("prometheus"), "--version"]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    words = (done.stdout + done.stderr).split()
    known = "version" in words[:-1]
    return {"prometheus": words[words.index("version") + 1]} if known else {}


def _all_of(process: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
    """What a process writes; its standard input stays open until it has ended."""
    assert process.stdout is not None  # noqa: S101  # it is piped
    assert process.stderr is not None  # noqa: S101  # likewise
    output = process.stdout.read()
    errors = process.stderr.read()
    process.wait()
    return output, errors
