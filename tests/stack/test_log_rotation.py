"""Logs stay below their bound, however much a part prints."""

import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import yaml

from stack.settings import PARTS, PROMETHEUS
from stack.supervisor import LOG_BYTES, OLDER_LOGS, Process, Supervisor
from tests.stack.backends import until
from tests.support.paths import REPOSITORY

# More than all logs may hold, in lines of 100 bytes; then a last one.
FLOOD_LINES = (OLDER_LOGS + 2) * LOG_BYTES // 100
FLOOD = f"""
import sys, time
line = "x" * 99 + "\\n"
for _ in range({FLOOD_LINES}):
    sys.stdout.write(line)
print("the end", flush=True)
time.sleep(600)
"""
# What supervisor reads at once, by which it may overshoot.
READ_BYTES = 131_072
FLOOD_SECONDS = 60.0


@pytest.fixture
def flooded(tmp_path: Path) -> Iterator[Path]:
    """The folder of logs, after a process has printed much more than its logs may hold."""
    supervisor, script = Supervisor(tmp_path, tmp_path), tmp_path / "flood.py"
    script.write_text(FLOOD)
    supervisor.write_configuration([Process(PROMETHEUS, [sys.executable, str(script)], {})])
    supervisor.start()
    try:
        newest = tmp_path / "logs/prometheus.log"
        until(lambda: is_at_its_end(newest), FLOOD_SECONDS, "the end of the flood")
        yield newest.parent
    finally:
        psutil.wait_procs(supervisor.shutdown(), timeout=20)


def is_at_its_end(log: Path) -> bool | None:
    if not log.exists():
        return None
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 100))
        return b"the end" in file.read() or None


def test_the_logs_of_a_part_that_floods_stay_below_their_bound(flooded: Path) -> None:
    sizes = {path.name: path.stat().st_size for path in flooded.glob("prometheus.log*")}
    names = ["prometheus.log", *(f"prometheus.log.{number + 1}" for number in range(OLDER_LOGS))]
    assert sorted(sizes) == names
    assert max(sizes.values()) <= LOG_BYTES + READ_BYTES
    assert sum(sizes.values()) > OLDER_LOGS * LOG_BYTES  # the newest are kept


def test_each_container_may_log_as_much_as_a_process() -> None:
    compose = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text(encoding="utf-8"))
    services = compose["services"]
    assert {part.name for part in PARTS} <= services.keys()
    for name, service in services.items():
        logging = service["logging"]
        assert logging["driver"] == "json-file", name
        assert logging["options"] == {
            "max-size": f"{LOG_BYTES // 1_000_000}m",
            "max-file": str(OLDER_LOGS + 1),
        }, name
