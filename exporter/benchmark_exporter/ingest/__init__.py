"""The way of a result file into the ledger."""
