"""Starts, stops and looks after the stack, as containers or as plain processes: the commands behind the Makefile."""
