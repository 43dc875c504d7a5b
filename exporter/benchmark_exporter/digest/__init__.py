"""A digest of a week: what became better and worse, and which regressions are open. Pure."""
