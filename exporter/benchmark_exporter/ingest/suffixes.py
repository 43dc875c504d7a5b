"""How the names of result files end, and those of their sidecars."""

SUFFIX = ".json"
SUFFIXES = (SUFFIX, ".json.gz")
SIDECAR_SUFFIX = ".meta.json"


def without_suffix(path: str) -> str:
    """The path of a document without the end that says so."""
    return path.removesuffix(".gz").removesuffix(SUFFIX)
