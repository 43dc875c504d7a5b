"""What the exporter's process was started from, so that `make up` restarts it after an upgrade.

Its words are the same in every version, and the checkout's files change under it.
"""

from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path

PACKAGE = Path("exporter/benchmark_exporter")
# A running exporter reads it again by itself.
READ_AGAIN = ("config.yaml",)
# What is installed with it.
REQUIREMENTS = Path("exporter/requirements.txt")


def environment(root: Path) -> Mapping[str, str]:
    """The variable that differs where the exporter of a checkout does.

    Raises:
        OSError: its files cannot be read.
    """
    digest = sha256()
    for path in _files(root):
        digest.update(f"{path.relative_to(root)}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return {"STACK_CODE_DIGEST": digest.hexdigest()}


def _files(root: Path) -> Iterator[Path]:
    for path in sorted((root / PACKAGE).rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts and path.name not in READ_AGAIN:
            yield path
    yield root / REQUIREMENTS
