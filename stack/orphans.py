"""Processes of a checkout that its commands cannot reach.

Their supervisor was killed, or the state folder was removed while they ran.
"""

import psutil

from stack import high_availability
from stack.settings import ALERTMANAGER, PROMETHEUS, Settings

# The option of a server that says where it stores.
STORES = {PROMETHEUS: "storage.tsdb.path", ALERTMANAGER: "storage.path"}


def supervisors(settings: Settings, known_id: int) -> list[psutil.Process]:
    """This checkout's supervisors but for the known one: they would start their parts again."""
    configuration = str(settings.state_dir / "supervisord.conf")
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if process.pid != known_id
        and {"supervisor.supervisord", configuration} <= set(process.info["cmdline"] or ())
    ]


def find(settings: Settings) -> list[tuple[psutil.Process, str]]:
    """This checkout's processes and their parts, known by where they alone store."""
    folder = settings.state_dir
    marks = {
        f"--{option}={folder}/{member.name}/": member.name
        for part, option in STORES.items()
        for member in high_availability.MEMBERS[part]
    } | {
        f"--ledger={folder}/": "exporter",
        f"--collector.textfile.directory={settings.root}/": "node_exporter",
        f"--config={folder}/proxy/": "proxy",
        f"-storageDataPath={folder}/": "victoriametrics",
        f"-auth.config={folder}/": "vmauth",
    }
    return [
        (process, part)
        for process in psutil.process_iter(["cmdline"])
        for mark, part in marks.items()
        if any(argument.startswith(mark) for argument in process.info["cmdline"] or ())
    ]
