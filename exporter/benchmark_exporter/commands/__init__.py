"""What `benchmark-exporter` does, one module per subcommand."""
