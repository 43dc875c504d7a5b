"""Every setting of config.yaml takes effect at a reload, alone too.

The settings come from Config, so that a new one cannot be forgotten. After a reload, all parts of a
server have to hold what those of a server hold that was started with the new settings.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import asdict, replace

from benchmark_exporter.config import AlertKeeping, Config, GateLimits, packaged
from benchmark_exporter.limits import LimitsEntry
from benchmark_exporter.links import Links, Repository
from benchmark_exporter.metrics.definitions import load_definitions
from benchmark_exporter.names import Alias
from benchmark_exporter.regression import Limits
from benchmark_exporter.server.parts import Server
from benchmark_exporter.server.settings import ServeSettings
from benchmark_exporter.server.worker import Worker
from tests.support.object_graph import Held, held_by, running_objects
from tests.support.paths import REPOSITORY

DEADLINE_SECONDS = 60.0
STARTED_WITH = Config()
# Another value for each setting.
CHANGED = Config(
    project="other",
    allowed_hosts=["perf.example.org"],
    environment="lab",
    timezone="Asia/Tokyo",
    baseline_version="v9",
    settle_seconds=3.25,
    max_file_bytes=1_234_567,
    rescan_interval_seconds=1.5,
    upload_rate_per_second=7.5,
    upload_timeout_seconds=61.5,
    upload_burst=77,
    default_branch="trunk",
    tracked_branches=["stable/*"],
    clock_tolerance_seconds=222.5,
    aliases=[Alias("old-name", "new-name")],
    commit_url="https://code.example/{commit}",
    compare_url="https://code.example/{base}...{head}",
    repositories={"orbit": Repository("https://code.example/orbit/{commit}")},
    stream_origins=["https://ci.example"],
    stream_max_clients=55,
    counter_hold_seconds=4.5,
    histogram_hold_seconds=70.5,
    regression_least_seconds=33.5,
    max_label_bytes=150,
    retention_days=333.5,
    series_max_age_days=44.5,
    max_series=1717,
    critical_speedup_p50=9.5,
    gate=GateLimits(14.5, 11.5, 36.5),
    gates={"staging": GateLimits(5.5, 4.5, 200.5)},
    judgement=Limits(
        window_runs=66,
        least_runs=9,
        tolerance_ratio=0.071,
        small_ratio=0.031,
        large_ratio=0.31,
        noise_factor=2.41,
        tail_share=0.151,
        mode_share=0.11,
        least_change=0.001,
        accept_after_runs=31,
        accept_after_days=7.25,
        drift_ratio=0.051,
        shift_share=0.851,
        shift_least_results=5,
    ),
    limits=[LimitsEntry(match="slow/*", tolerance=0.2)],
    alerts_real_target_ratio=0.81,
    alert_keeping=AlertKeeping(11.5, 66.5, 123.5, 666.5, 366.5),
)
# The settings of the start, which only what is made then may read (see the last test), and what
# follows from how often something was committed or from a file's inode, which another file may get.
OTHER = re.compile(
    r"_settings\.config\b|\bcommits$|exposition\.blocks|_renderer\._page\."
    r"|\.file\._(database|log|index)\b|_identity\b"
)


def settings_of(folder: Path, config: Config, ports: Callable[[], int]) -> ServeSettings:
    (folder / "results").mkdir(parents=True, exist_ok=True)
    return ServeSettings(
        config=config,
        config_path=None,
        environment=None,
        definitions=load_definitions(packaged("metrics.yaml")),
        results_dir=folder / "results",
        ledger_path=folder / "ledger.sqlite3",
        upload_tokens=None,
        github_webhook_secret=None,
        runbooks_dir=None,
        links=Links({}),
        host="127.0.0.1",
        port=ports(),
        stream_address=("127.0.0.1", ports()),
        stream_tokens=None,
        credential_file=None,
        alertmanager_api_urls=[f"http://127.0.0.1:{ports()}"],
    )


class Running:
    """A server of this process."""

    def __init__(self, server: Server) -> None:
        self.server = server

    async def apply(self, config: Config) -> None:
        """Has it take over settings, and waits until it has scanned by them."""
        await self.server.reload._apply(config)
        await self.settle()

    async def settle(self) -> None:
        deadline = time.monotonic() + DEADLINE_SECONDS
        server = self.server
        while not (server._state.is_caught_up and server._ingest._scanned is server._opened.ingest):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.005)

    def held(self) -> Held:
        return {
            path: value
            for path, value in held_by(self.server, *running_objects()).items()
            if not OTHER.search(path)
        }


@asynccontextmanager
async def running(folder: Path, config: Config, ports: Callable[[], int]) -> AsyncIterator[Running]:
    stop = asyncio.Event()
    async with AsyncExitStack() as stack:
        workers = [stack.enter_context(Worker(name)) for name in ("ledger", "uploads", "live")]
        server = Server(settings_of(folder, config, ports), *workers)
        task = asyncio.create_task(server.run_until(stop))
        try:
            started = Running(server)
            await started.settle()
            yield started
        finally:
            stop.set()
            await task
            await server.close()


def different(one: Held, other: Held) -> dict[str, tuple[object, object]]:
    return {
        path: (one.get(path), other.get(path))
        for path in sorted(one.keys() | other.keys())
        if one.get(path) != other.get(path)
    }


async def test_each_setting_alone_and_all_together_take_effect(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    async with running(tmp_path / "new", CHANGED, free_port) as new:
        expected = new.held()
    async with running(tmp_path / "again", CHANGED, free_port) as again:
        noise = different(expected, again.held()).keys()
    async with running(tmp_path / "reloaded", STARTED_WITH, free_port) as reloaded:
        follows = different(reloaded.held(), expected).keys() - noise
        assert len(follows) > len(leaves(CHANGED))
        for name in Config.__struct_fields__:
            old = {name: getattr(STARTED_WITH, name)}
            for config in (STARTED_WITH, replace(CHANGED, **old), CHANGED):
                await reloaded.apply(config)
            wrong = different(reloaded.held(), expected)
            assert {path: wrong[path] for path in follows & wrong.keys()} == {}, name


def leaves(value: object, path: str = "") -> dict[str, object]:
    """Every single setting, also within sections."""
    if not isinstance(value, msgspec.Struct):
        return {path: value}
    return {
        each: found
        for name, inner in asdict(value).items()
        for each, found in leaves(inner, f"{path}.{name}").items()
    }


def test_every_setting_has_another_value_here() -> None:
    same = [
        path for path, value in leaves(CHANGED).items() if leaves(STARTED_WITH).get(path) == value
    ]
    assert same == []


@pytest.mark.parametrize("folder", ["server", "stream", "metrics", "ingest"])
def test_only_what_is_made_at_the_start_reads_the_settings_of_the_start(folder: str) -> None:
    """Others would not see a change."""
    users = {
        path.name
        for path in (REPOSITORY / "exporter" / "benchmark_exporter" / folder).rglob("*.py")
        if re.search(r"settings\.config\b", path.read_text(encoding="utf-8"))
    }
    assert users <= {"parts.py", "open_ledger.py", "listeners.py"}
