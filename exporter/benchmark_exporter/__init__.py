"""Makes Prometheus metrics of the result files that benchmark tools write."""


def __getattr__(name: str) -> str:
    """`__version__`, read from the installed distribution when it is first asked for.

    Reading it takes longer than the rest of a health check does.
    """
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib.metadata import version

    return version("benchmark-exporter")
