"""The pages of benchmarks: the list of all, and one of each with its history; and of commits."""

from benchmark_exporter.benchmark_page.addresses import address as address
