"""Where tests find the checkout and the results of real tools."""

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent.parent
# Files that real tools wrote, next to a checkout; they are not part of the project.
SAMPLES = REPOSITORY.parent / "shared" / "samples"

GOLDEN = REPOSITORY / "tests" / "exporter" / "golden"
