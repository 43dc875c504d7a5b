"""Prometheus gets its retention by flags, or in its configuration once it deprecates them."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from stack import retention, settings
from stack.local import LocalStack
from stack.prepare import prepare
from stack.settings import PROMETHEUS
from tests.stack.checkouts import write_env

# As in the help of 2.42 and of 3.13.
FLAGS = """
      --storage.tsdb.path="data/"
                                 Base path for metrics storage.
      --storage.tsdb.retention.time=STORAGE.TSDB.RETENTION.TIME
                                 {}How long to retain samples in storage.
      --storage.tsdb.retention.size=STORAGE.TSDB.RETENTION.SIZE
                                 {}Maximum number of bytes that can be stored.
      --alertmanager.timeout=ALERTMANAGER.TIMEOUT
                                 [DEPRECATED] This flag has no effect.
"""
OLD, NEW, NEWEST = FLAGS.format("", ""), FLAGS.format(*2 * ["[DEPRECATED] "]), ""


@pytest.mark.parametrize(
    ("help_text", "expected"),
    [(OLD, False), (NEW, True), (NEWEST, True)],
    ids=["2.42", "3.13", "without the flags"],
)
def test_its_help_says_where_it_takes_the_retention_from(help_text: str, expected: bool) -> None:
    assert retention.is_deprecated(help_text) is expected


@pytest.mark.parametrize("help_text", [OLD, NEW], ids=["2.42", "3.13"])
def test_it_is_given_in_one_place_alone(
    equipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, help_text: str
) -> None:
    # A program of which only the help matters here.
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin/prometheus"
    program.write_text(f"#!/bin/sh\ncat <<'HELP'\n{help_text}HELP\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    write_env(equipped, "PROMETHEUS_RETENTION_TIME=12h\nPROMETHEUS_RETENTION_SIZE=0")
    values = settings.load(equipped, environ={})
    stack = LocalStack(values)
    assert list(prepare(values))
    list(stack.render())
    argv = next(one.argv for one in stack.processes.all() if one.part is PROMETHEUS)
    flags = [word for word in argv if "retention" in word]
    written = yaml.safe_load((equipped / ".local/prometheus/prometheus.yml").read_text())
    in_file = written["storage"]["tsdb"].pop("retention", None)
    if help_text == OLD:
        assert flags == ["--storage.tsdb.retention.time=12h", "--storage.tsdb.retention.size=0"]
        assert in_file is None
    else:
        assert flags == []
        assert in_file == {"time": "12h", "size": "0"}
    assert written == yaml.safe_load((equipped / "prometheus/prometheus.yml").read_text())


def test_a_program_that_is_given_it_in_its_configuration_accepts_that(
    programs: Mapping[str, list[str]], tmp_path: Path
) -> None:
    configuration = "storage: {tsdb: {out_of_order_time_window: 31d}}"
    file = tmp_path / "prometheus.yml"
    file.write_text(retention.with_retention(configuration, settings.defaults()))
    check = [*programs["promtool"], "check", "config", str(file)]
    accepted = subprocess.run(check, capture_output=True, check=False).returncode == 0
    assert accepted or not retention.is_configured(programs["prometheus"])
