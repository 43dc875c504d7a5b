"""Finds the first commit that is slower than a good one, by comparing commits with it."""
