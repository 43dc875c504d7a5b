"""The ledger's state as Prometheus metrics."""
