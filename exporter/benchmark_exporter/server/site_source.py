"""What the site's pages show, from the parts of the running exporter."""

from benchmark_exporter.server.configuration import Configuration
from benchmark_exporter.server.ingest_state import IngestState
from benchmark_exporter.server.publishing import Publisher
from benchmark_exporter.server.settings import ServeSettings
from benchmark_exporter.site.known import Failures, Known, Source
from benchmark_exporter.stream.feed import Feed
from benchmark_exporter.wording import printable


def site_source(
    settings: ServeSettings,
    configuration: Configuration,
    publisher: Publisher,
    ingest: IngestState,
    feed: Feed,
) -> Source:
    """The source. It reads all parts at each request, and keeps nothing."""
    stream = settings.stream_address
    is_secret = settings.stream_tokens is not None

    def known() -> Known:
        publisher.refuse_without_state()
        version = publisher.version  # first: the worker may publish another state meanwhile
        return Known(
            state=publisher.state,
            version=version,
            running=None if is_secret else feed.running_now,
            unfinished=ingest.unfinished,
            results_dir=printable(str(settings.results_dir)),
            is_ready=ingest.is_ready,
        )

    def failures() -> Failures:
        if ingest.unopened is not None:
            return Failures(unopened=str(ingest.unopened), config=configuration.failure)
        return Failures(
            ingest=None if ingest.failure is None else str(ingest.failure),
            config=configuration.failure,
            dropped=publisher.exposition.dropped,
            max_series=configuration.now.max_series,
            fallback_branches=[
                (each.project, each.branch) for each in publisher.state.fallback_branches
            ],
        )

    return Source(
        known=known,
        failures=failures,
        links=settings.links,
        runbooks_dir=settings.runbooks_dir,
        port=settings.port,
        stream_port=None if stream is None else stream[1],
        is_stream_secret=is_secret,
        repositories=configuration.repositories,
    )
