"""What a release keeps of itself, made by the exporter as it is now."""

import tarfile
from pathlib import Path

from benchmark_exporter.ledger.schema import MIGRATIONS
from tests.support.paths import REPOSITORY
from tests.support.upgrades import FOLDER, NAMES, series
from tools.make_upgrade_fixture import make
from tools.upgrade_documents import documents, rejected


def test_a_fixture_has_ledger_settings_and_figures_of_this_version(tmp_path: Path) -> None:
    path = make("9.9.9", REPOSITORY, tmp_path / "made")
    with tarfile.open(path) as archive:
        archive.extractall(tmp_path, filter="data")
    assert f'"schema": {len(MIGRATIONS)}' in (tmp_path / "version.json").read_text()
    assert "settle_seconds: 0.2" in (tmp_path / "config.yaml").read_text()
    assert "BENCHMARK_ENVIRONMENT=lab" in (tmp_path / "env").read_text()
    shown = series((tmp_path / "metrics.txt").read_text())
    counted = [value for (name, _), value in shown.items() if "files_ingested_total" in name]
    assert sum(counted) == sum(map(len, documents()))
    confirmed = [value for (name, _), value in shown.items() if name == "benchmark_regression_info"]
    assert confirmed == [1]
    pinned = [labels for (name, labels) in shown if ("reference", "pinned") in labels]
    assert pinned
    assert len(list(rejected())) == 2


def test_fixtures_stay_small() -> None:
    assert {"0.5.0"} <= set(NAMES)
    sizes = {path.name: path.stat().st_size for path in FOLDER.iterdir()}
    assert {name: size for name, size in sizes.items() if size > 60_000} == {}
