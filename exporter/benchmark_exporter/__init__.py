"""Makes Prometheus metrics of the result files that benchmark tools write."""

from importlib.metadata import version

__version__ = version("benchmark-exporter")
