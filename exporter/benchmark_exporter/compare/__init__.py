"""Compares two versions on one machine: interleaved runs, and what their difference means."""
