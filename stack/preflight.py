"""What is checked against this machine before anything is fetched or started, all at once."""

import errno
import os
import shutil
import socket
import stat
from collections.abc import Collection, Iterator
from pathlib import Path

import psutil

from stack.backup import age
from stack.high_availability import ADDED
from stack.settings import STREAM, UNPUBLISHED, Part, Settings, StackError

# For logs, settings and a first ledger. Prometheus' own limit is PROMETHEUS_RETENTION_SIZE.
LEAST_FREE_BYTES = 64_000_000
# User and group of the exporter's container.
CONTAINER_ID = 65534


def check(
    settings: Settings,
    mode: str,
    parts: Collection[Part],
    own_ports: Collection[int],
    *,
    make_results: bool = True,
) -> None:
    """Check the checkout, the results folder, the disk, the address and the ports.

    `own_ports` are those on which this stack already listens. `make_results` makes the results
    folder if it does not exist.

    Raises:
        StackError: something is missing; the message names all of it.
    """
    found = [*_read_only(settings), *_disk(settings)]
    if make_results or settings.results_dir.exists():
        found = [*_results(settings, mode), *found]
    if mode == "local" or _engine_is_here():
        found += _addresses(settings, mode, parts, own_ports)
    if found:
        raise StackError("\n".join(found))


def check_writable(settings: Settings) -> None:
    """Check that what `make up` makes can be written to the checkout.

    Raises:
        StackError: it cannot; the message says where, and what to do.
    """
    if found := list(_read_only(settings)):
        raise StackError("\n".join(found))


def _read_only(settings: Settings) -> Iterator[str]:
    """Which folders of the checkout that `make` writes to cannot be written to, in one line."""
    written = (settings.state_dir, settings.secrets_dir, settings.root / age.FOLDER)
    closed = {folder: _closed(folder) for folder in written}
    names = [str(folder.relative_to(settings.root)) for folder in written if closed[folder]]
    if names:
        reasons = sorted({reason for reason in closed.values() if reason})
        yield (
            f"{settings.root}: the stack keeps what it makes in {', '.join(names)}, which cannot "
            f"be written to ({', '.join(reasons)}); use a copy of the checkout in a folder of "
            f"user {_user()}"
        )


def _closed(folder: Path) -> str:
    """Why a folder cannot be written to, or made; empty if it can."""
    there = folder
    while not there.exists():
        there = there.parent
    if os.access(there, os.W_OK | os.X_OK):
        return ""
    is_read_only = os.statvfs(there).f_flag & os.ST_RDONLY
    return os.strerror(errno.EROFS if is_read_only else errno.EACCES)


def _results(settings: Settings, mode: str) -> Iterator[str]:
    """What is wrong with RESULTS_DIR. It is made if it does not exist."""
    folder, named = settings.results_dir, f"RESULTS_DIR={settings['RESULTS_DIR']}"
    try:
        if not folder.is_dir():
            folder.mkdir(parents=True)
            if mode == "compose":  # whose exporter is another user, whatever the umask is
                folder.chmod(folder.stat().st_mode | 0o055)
            print(f"  made {named}, an empty folder", flush=True)
        info = folder.stat()
    except OSError as error:
        reason = "is not a folder" if error.errno == errno.EEXIST else error.strerror
        yield f"{named}: {reason}; name a folder that exists or can be made"
        return
    if not os.access(folder, os.R_OK | os.X_OK):
        yield f"{named}: user {_user()} cannot read it; `chmod` it, or name another folder"
    elif mode == "compose" and _engine_is_here() and not _container_reads(settings, info):
        yield (
            f"{named}: the exporter's container cannot read it, since it runs as user "
            f"{CONTAINER_ID}; `chmod o+rx` it, or use MODE=local"
        )


def _container_reads(settings: Settings, info: os.stat_result) -> bool:
    """Whether the exporter's user, with its groups, may list the folder."""
    if info.st_uid == CONTAINER_ID:
        needed = stat.S_IRUSR | stat.S_IXUSR
    elif info.st_gid in (CONTAINER_ID, _secrets_group(settings)):
        needed = stat.S_IRGRP | stat.S_IXGRP
    else:
        needed = stat.S_IROTH | stat.S_IXOTH
    return info.st_mode & needed == needed


def _secrets_group(settings: Settings) -> int:
    return settings.secrets_dir.stat().st_gid if settings.secrets_dir.exists() else os.getegid()


def _disk(settings: Settings) -> Iterator[str]:
    """Which disk is full: that of the checkout, or the state folder's own."""
    folders = [folder for folder in (settings.root, settings.state_dir) if folder.exists()]
    for folder in {folder.stat().st_dev: folder for folder in folders}.values():
        if (free := shutil.disk_usage(folder).free) < LEAST_FREE_BYTES:
            yield (
                f"{folder}: the disk is full, {free / 1e6:.0f} MB are free and "
                f"{LEAST_FREE_BYTES / 1e6:.0f} MB needed; make room and run it again"
            )


def _addresses(
    settings: Settings, mode: str, parts: Collection[Part], own_ports: Collection[int]
) -> Iterator[str]:
    """What keeps the stack from listening on BIND_ADDRESS and the ports."""
    address = settings["BIND_ADDRESS"]
    if reason := _why_not(address, 0):
        yield (
            f"BIND_ADDRESS must be an address of this machine ({', '.join(_own_addresses())}, or "
            f"0.0.0.0 for all), not '{address}': {os.strerror(reason)}"
        )
        return
    for part in (*parts, STREAM):
        if part in (*UNPUBLISHED, *ADDED):  # the proxy's ports are those of the others
            continue
        port = settings.port(part)
        if port in own_ports or not (reason := _why_not(address, port)):
            continue
        if reason != errno.EACCES:
            yield (
                f"{part.name}: {address}:{port}: {os.strerror(reason)}{_owner(port)}; stop what "
                f"listens there, or set another {part.port_setting} in .env"
            )
        elif mode == "local":  # the engine, which is root, may open any port
            yield (
                f"{part.port_setting} must be {_first_open_port()} or higher, not '{port}': "
                f"user {_user()} may not open lower ones"
            )


def _why_not(address: str, port: int) -> int:
    """The error number with which the address cannot be listened on; 0 if it can."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
            probe.listen(1)  # where another socket listens on all addresses, only this fails
        except OSError as error:
            return error.errno or errno.EINVAL
    return 0


def _own_addresses() -> list[str]:
    return sorted(
        address.address
        for addresses in psutil.net_if_addrs().values()
        for address in addresses
        if address.family == socket.AF_INET
    )


def _owner(port: int) -> str:
    """Who listens on a port, as far as this user may know."""
    try:
        for connection in psutil.net_connections("tcp"):
            is_it = connection.laddr and connection.laddr.port == port
            if is_it and connection.status == psutil.CONN_LISTEN and connection.pid:
                name = psutil.Process(connection.pid).name()
                return f" (by process {connection.pid}, {name})"
    except psutil.Error:
        pass
    return ""


def _first_open_port() -> int:
    try:
        return int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
    except (OSError, ValueError):
        return 1024


def _engine_is_here() -> bool:
    """Whether the Docker engine, if one is used, shares this machine's files and ports."""
    return os.environ.get("DOCKER_HOST", "unix://").startswith("unix://")


def _user() -> str:
    try:
        return psutil.Process().username()
    except (KeyError, psutil.Error):
        return str(os.geteuid())
