"""The commands of `benchmark-exporter`: one module each, with its options and what it does."""

# Exit statuses of every command except `run`, which exits with its command's status.
EXIT_OK = 0
EXIT_REJECTED = 1
EXIT_UNUSABLE = 2
EXIT_INTERRUPTED = 130
