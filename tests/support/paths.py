"""Where tests find the checkout and the real results of real tools."""

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent.parent
# Files that the real tools wrote, laid beside a checkout; they are no part of the project.
SAMPLES = REPOSITORY.parent / "shared" / "samples"

GOLDEN = REPOSITORY / "tests" / "exporter" / "golden"
