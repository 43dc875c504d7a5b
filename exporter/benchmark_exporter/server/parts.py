"""The parts of the running exporter and their connections."""

import asyncio
import time
from collections.abc import Collection

from aiohttp import web

from benchmark_exporter.benchmark_page.routes import BenchmarkPages
from benchmark_exporter.config import Config
from benchmark_exporter.ingest.upload_folder import UploadFolder
from benchmark_exporter.metrics.collector import Collector
from benchmark_exporter.metrics.definitions import Part
from benchmark_exporter.metrics.exposition import Exposition
from benchmark_exporter.server.access import Access
from benchmark_exporter.server.alertmanager_duties import duties_at_alertmanager
from benchmark_exporter.server.alerts import AlertReceiver, known_alerts
from benchmark_exporter.server.change_loop import ChangeLoop
from benchmark_exporter.server.changes import Changes
from benchmark_exporter.server.compressed_lines import compress_lines
from benchmark_exporter.server.config_reload import ConfigReload
from benchmark_exporter.server.configuration import Configuration
from benchmark_exporter.server.delivery_loop import DeliveryLoop
from benchmark_exporter.server.descriptors import ConnectionLimits, allow_descriptors
from benchmark_exporter.server.drift_loop import DriftLoop
from benchmark_exporter.server.github import GitHub
from benchmark_exporter.server.ingest_loop import IngestLoop
from benchmark_exporter.server.ingest_state import IngestState
from benchmark_exporter.server.ledger_watch import LedgerWatch
from benchmark_exporter.server.listeners import Listeners
from benchmark_exporter.server.open_ledger import OpenLedger
from benchmark_exporter.server.opening import is_opened
from benchmark_exporter.server.prometheus_absence import absence_by
from benchmark_exporter.server.prune_loop import PruneLoop
from benchmark_exporter.server.publishing import Publisher, ResourcesPart
from benchmark_exporter.server.read_api import ReadApi
from benchmark_exporter.server.routes import Service, make_application
from benchmark_exporter.server.scrapers import Scrapers, scraper_of
from benchmark_exporter.server.settings import ServeSettings
from benchmark_exporter.server.site_source import site_source
from benchmark_exporter.server.sparse_scrapes import SparseScrapes
from benchmark_exporter.server.status import current_status
from benchmark_exporter.server.stream_updates import LiveFollower, make_feed, publish_states
from benchmark_exporter.server.trends import Trends
from benchmark_exporter.server.triage_parts import TriageParts
from benchmark_exporter.server.upload import UploadLimits, Uploads
from benchmark_exporter.server.watching import FolderWatch
from benchmark_exporter.server.worker import Worker
from benchmark_exporter.site.routes import Site
from benchmark_exporter.stream.live_file import FOLDER
from benchmark_exporter.stream.live_folder import LiveFolder
from benchmark_exporter.stream.server import Admission, StreamServer
from benchmark_exporter.tokens import token_file


class Server:
    """The parts and their connections, nothing else."""

    def __init__(
        self, settings: ServeSettings, worker: Worker, upload_worker: Worker, live_worker: Worker
    ) -> None:
        config, self._settings, self._state = settings.config, settings, IngestState()
        self._configuration = Configuration(
            config, settings.config_path, settings.environment, time.time
        )
        self._feed = make_feed(settings, self._configuration.repositories)
        self._access = Access(settings, lambda: self._configuration.now)
        collector = Collector(settings.definitions, config)
        self._sparse = SparseScrapes(collector.sparse, time.time)
        scrapers = Scrapers(config.regression_least_seconds)
        url = settings.links.urls.get("exporter")
        self._publisher = Publisher(collector, self._state, lambda: scrapers.last_scrapes, url)
        self._opened = OpenLedger(settings, self._state, self._publisher.publish_by_worker)
        self._worker = worker
        self._ingest = IngestLoop(
            self._configuration,
            self._opened,
            self._publisher,
            self._state,
            worker,
            self._feed.publish_failure,
        )
        self._keeps = (self._opened, self._publisher, worker, self._ingest)
        self._triage = TriageParts(settings, self._configuration, self._access, *self._keeps)
        self._delivery = DeliveryLoop(self._opened, worker, scrapers, self._ingest.note_error)
        self.reload = ConfigReload(
            self._configuration, self._opened, collector, worker, self._ingest.note_error
        )
        self._upload_folder = UploadFolder(settings.uploads_dir, config.zone)
        self._uploads = self._make_uploads(upload_worker)
        self._github = GitHub(
            self._uploads, token_file(settings.github_webhook_secret), upload_worker
        )
        self._resources = ResourcesPart(
            collector,
            self._publisher,
            self._uploads.counts,
            self._feed,
            lambda: self._configuration.status,
        )
        live_folder = LiveFolder(
            settings.results_dir / FOLDER,
            config.project,
            config.environment,
            monotonic=time.monotonic,
            clock=time.time,
        )
        self._live = LiveFollower(live_folder, live_worker, self._feed)
        self._connection_limits = ConnectionLimits(allow_descriptors())
        self._absence = absence_by(config.alert_keeping, time.monotonic)
        self._api, self._site = self._make_pages()
        self._have_followed(scrapers, live_folder)

    def _have_followed(self, scrapers: Scrapers, live_folder: LiveFolder) -> None:
        """Has the parts that were made with settings work by changed ones."""
        follow = self.reload.follow
        follow(lambda config: scrapers.configure(config.regression_least_seconds))
        follow(lambda config: self._upload_folder.configure(config.zone))
        follow(lambda config: live_folder.configure(config.project, config.environment))
        follow(lambda _: self._ingest.wake())

    def _make_pages(self) -> tuple[ReadApi, Site]:
        settings, publisher = self._settings, self._publisher
        ledger, links, api = settings.ledger_path, settings.links, ReadApi(settings.ledger_path)
        benchmarks = BenchmarkPages(
            ledger, links, api.read, self._configuration.repositories, lambda: publisher.version
        )
        parts = (self._configuration, publisher, self._state, self._feed)
        return api, Site(site_source(settings, *parts), benchmarks.routes())

    def _make_uploads(self, worker: Worker) -> Uploads:
        uploads = Uploads(
            self._upload_folder,
            token_file(self._settings.upload_tokens),
            UploadLimits.of(self._settings.config),
            worker,
            closed=self._why_no_uploads,
            stored=lambda path: self._ingest.add_changed(str(path)),
        )
        self.reload.follow(lambda config: uploads.configure(UploadLimits.of(config)))
        return uploads

    def _why_no_uploads(self) -> str | None:
        if self._state.is_stopping:
            return "the exporter is stopping"
        failure = self._state.failure or self._state.unopened
        return None if failure is None or isinstance(failure, OSError) else str(failure)

    async def close(self) -> None:
        await self._live.close()
        await self._worker.run(self._opened.close)

    async def run_until(self, stop: asyncio.Event) -> None:
        listeners = Listeners(
            self._settings,
            self._connection_limits,
            self._make_application(),
            self._make_stream_application(),
        )
        self.reload.follow(listeners.configure)
        try:
            await listeners.open()
            self._upload_folder.clean()
            if await is_opened(self._ingest, self._state, stop):
                await self._run_tasks(stop, listeners)
        finally:
            await listeners.close()

    async def _run_tasks(self, stop: asyncio.Event, listeners: Listeners) -> None:
        """Runs everything until `stop` is set or ingest ends, which it never does by itself."""
        watch = FolderWatch(
            self._settings.results_dir,
            changed=self._ingest.add_changed,
            live_changed=self._live.note_change,
            rescan=self._rescan,
        )
        prune = PruneLoop(
            self._opened,
            self._upload_folder,
            lambda: self._configuration.now,
            self._worker,
            self._ingest.note_error,
        )
        drift = DriftLoop(
            self._opened,
            self._publisher,
            self._state,
            lambda: self._configuration.now.judgement,
            self._worker,
            self._ingest.note_error,
        )
        changes = ChangeLoop(
            self._opened, self._publisher, self._state, self._worker, self._ingest.note_error
        )
        files = LedgerWatch(self._opened, self._state, self._worker, self._ingest.rescan)
        async with asyncio.TaskGroup() as tasks:
            others = [
                tasks.create_task(watch.run()),
                tasks.create_task(files.run()),
                tasks.create_task(prune.run()),
                tasks.create_task(self._delivery.run()),
                tasks.create_task(drift.run()),
                tasks.create_task(changes.run()),
                tasks.create_task(self._triage.loop.run()),
                tasks.create_task(self._live.run()),
                tasks.create_task(self.reload.run()),
                tasks.create_task(publish_states(self._publisher, self._feed)),
                tasks.create_task(compress_lines(self._publisher)),
                *(tasks.create_task(connections.check()) for connections in listeners.checks),
            ]
            duties = duties_at_alertmanager(
                self._settings,
                self._access,
                self._absence,
                self._configuration,
                self.reload,
                self._state,
                *self._keeps,
            )
            others += map(tasks.create_task, duties)
            await watch.begun()
            ingesting = tasks.create_task(self._ingest.run())
            stopped = tasks.create_task(stop.wait())
            await asyncio.wait((stopped, ingesting), return_when=asyncio.FIRST_COMPLETED)
            self._ingest.stop()
            for task in others:
                task.cancel()
            self._live.wake()

    def _rescan(self) -> None:
        self._ingest.rescan()
        self._live.wake()

    def _make_application(self) -> web.Application:
        alerts = AlertReceiver(
            self._opened,
            self._publisher,
            self._worker,
            known_alerts(self._settings.runbooks_dir),
            note_error=self._ingest.note_error,
            wake=self._ingest.wake,
        )
        changes = Changes(self._opened, self._publisher, self._worker, self._ingest.note_error)
        service = Service(
            ready=lambda: self._state.is_ready,
            waits_for=lambda: self._state.waits_for,
            scraped=self._note_scrape,
            exposition=self._publisher.shown,
            status=lambda: current_status(
                self._settings, self._configuration, self._publisher, self._state
            ),
            sparse=self._sparse.families,
            resources=self._resources.render,
            alerts=alerts.handle,
            upload=self._uploads.handle,
            github=self._github.handle,
            changes=changes.handle,
            api=self._api,
            triage=self._triage.door.routes(),
            pages=self._site.exporter_routes(),
        )
        return make_application(service, [self._access.to_exporter()])

    def _note_scrape(
        self, request: web.Request, exposition: Exposition, parts: Collection[Part]
    ) -> None:
        if not self._access.may_be_prometheus(request):
            return
        self._delivery.note_scrape(request, exposition, parts)
        if "state" in parts:
            self._absence.note_scrape(*scraper_of(request), request.headers.get("User-Agent", ""))

    def _make_stream_application(self) -> web.Application:
        tokens = token_file(self._settings.stream_tokens)

        def admission(config: Config) -> Admission:
            most = self._connection_limits.followers(config.stream_max_clients)
            return Admission(most, tokens)

        trends = Trends(self._opened, self._publisher, self._worker, self._ingest.note_error)
        now, pages = admission(self._configuration.now), self._site.stream_routes()
        server = StreamServer(self._feed.hub, now, trends.read, pages)
        self.reload.follow(lambda config: server.configure(admission(config)))
        return server.make_application([self._access.to_stream()])
