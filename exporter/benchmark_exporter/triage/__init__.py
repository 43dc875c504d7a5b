"""The state of a regression, from its beginning to its end."""
