"""Brings in histories that other tools have kept: years of results at once."""
