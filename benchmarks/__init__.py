"""Measure the speed that the project promises, on the real programs and compared with peers."""
