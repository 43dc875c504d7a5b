"""The description of the API: it has every route, and a running exporter answers as it says."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from aiohttp import web

from benchmark_exporter.server.credential import TRIAGE_PATH
from benchmark_exporter.server.read_api import ReadApi
from benchmark_exporter.server.routes import Service, make_application
from benchmark_exporter.server.triage_door import PAGE_PATH
from tests.support.documents import result
from tests.support.process import DEADLINE_SECONDS, Exporter
from tests.support.uploading import TOKEN

METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH")


@pytest.fixture(scope="module")
def exporter(
    tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]
) -> Iterator[Exporter]:
    folder: Path = tmp_path_factory.mktemp("openapi")
    (folder / "results").mkdir()
    for number in range(4):
        document = result(number, {"parsing": 1.0 + number})
        document["branch"] = "main" if number < 2 else "slow"
        (folder / "results" / f"{number}.json").write_text(json.dumps(document))
    (folder / "tokens").write_text(f"ci {TOKEN}\n")
    (folder / "secret").write_text(f"github {TOKEN}\n")
    (folder / "triage").write_text(f"bot {TOKEN}\n")
    running = Exporter(
        folder,
        free_port(),
        f"--upload-tokens={folder / 'tokens'}",
        f"--github-webhook-secret={folder / 'secret'}",
        f"--triage-tokens={folder / 'triage'}",
    )
    yield running
    assert running.stop() == 0, running.log.read_text()


def _routes(tmp_path: Path) -> set[tuple[str, str]]:
    async def handle(_: web.Request) -> web.Response:
        return web.Response()

    handlers = dict.fromkeys(("alerts", "upload", "github", "changes"), handle)
    triage = [
        web.route(method, path, handle)
        for path in (TRIAGE_PATH, PAGE_PATH)
        for method in ("GET", "POST")
    ]
    api = ReadApi(tmp_path / "ledger.sqlite3")
    service = SimpleNamespace(**handlers, api=api, triage=triage, pages=())
    application = make_application(cast("Service", service), [])
    return {
        (route.method, route.resource.canonical)
        for route in application.router.routes()
        if route.resource is not None and route.method in METHODS
    }


def test_it_describes_every_route_and_no_other(exporter: Exporter, tmp_path: Path) -> None:
    document = json.loads(exporter.get("/api/v1/openapi.json"))
    assert document["openapi"] == "3.1.0"
    described = {
        (method.upper(), path) for path, methods in document["paths"].items() for method in methods
    }
    assert described == _routes(tmp_path)


def test_the_exporter_answers_as_described(exporter: Exporter, tmp_path: Path) -> None:
    """By schemathesis: statuses, types and bodies, also of queries and bodies that are wrong."""
    program = shutil.which("schemathesis", path=str(Path(sys.executable).parent))
    assert program is not None
    ended = subprocess.run(
        [
            *(program, "run", f"http://127.0.0.1:{exporter.port}/api/v1/openapi.json"),
            *("--phases=coverage,fuzzing", "--max-examples=3", "--seed=1", "--no-color"),
            "--generation-deterministic",
            # A cursor and a side are texts of which only few mean something.
            "--exclude-checks=positive_data_acceptance",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=5 * DEADLINE_SECONDS,
    )
    assert ended.returncode == 0, f"{ended.stdout}\n{ended.stderr}"
    assert "Tested: 15" in ended.stdout
