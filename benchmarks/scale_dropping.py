"""Result files of so many benchmarks, dropped into an exporter's folder."""

from pathlib import Path

from benchmarks import documents, ingest, scale_documents

FORMATS = ("perf_suite", "google_benchmark")


class Dropping:
    """Drops runs into an exporter's folder, of one benchmark after the other."""

    def __init__(self, folder: Path, benchmarks: int, document_format: str) -> None:
        self._folder = folder
        self._benchmarks = benchmarks
        self._format = document_format
        self.files = 0
        (folder / "results").mkdir()

    def first(self) -> None:
        """Write one run of each benchmark."""
        for number in range(self.documents):
            self.drop(number)

    @property
    def documents(self) -> int:
        """How many documents have one run of each benchmark together."""
        if self._format == "perf_suite":
            return self._benchmarks
        return -(-self._benchmarks // scale_documents.SUITE)

    def drop(self, number: int) -> bytes:
        """Write a run, and return what has to be on the page when it is visible."""
        place = number % self.documents
        if self._format == "perf_suite":
            document = scale_documents.perf_suite(place, number)
        else:
            first = place * scale_documents.SUITE
            several = range(first, min(first + scale_documents.SUITE, self._benchmarks))
            document = scale_documents.google_benchmark(several, number)
        self.write(number, document)
        return f"}} {documents.timestamp_seconds(number)}\n".encode()

    def suite(self, number: int) -> None:
        """Write one document with all benchmarks."""
        self.write(number, scale_documents.google_benchmark(range(self._benchmarks), number))

    def write(self, number: int, document: bytes) -> None:
        part = self._folder / f"{number}.part"
        part.write_bytes(document)
        part.rename(self._folder / "results" / f"{number}.json")
        self.files += 1

    def until_committed(self) -> None:
        """Wait until the ledger counts all files."""
        ingest.until_committed(self._folder / "ledger.sqlite3", self.files)
