"""The commands behind the Makefile: they start and stop the stack, as containers or processes."""
