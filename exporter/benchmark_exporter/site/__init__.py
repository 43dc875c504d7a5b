"""The exporter's pages for people: one small web site, the same on both of its ports."""
