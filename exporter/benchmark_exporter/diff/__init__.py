"""Compares any two runs, commits, branches, environments or baselines of the ledger."""
