"""The running exporter: its HTTP routes and what keeps them up to date."""
