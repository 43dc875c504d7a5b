"""Measures the speed that the project promises, on the real programs, beside its peers."""
