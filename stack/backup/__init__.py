"""`make backup` and `make restore`: all that a stack has stored, as one file.

An archive is a tar file compressed with zstd. Its members, in this order:

data/STORE/PATH     what a part of the stack has stored; layout.py says which files those are
checkout/PATH       settings and configuration that a user may have changed, PATH as in the checkout
manifest.json       versions, counts, and size and SHA-256 of every other member; see manifest.py

Two programs run where the data is, in a container of the exporter's image in mode compose:
`collect` writes `data/` as a tar stream, `place` puts it back. They, and what they import, use the
standard library only. Everything else runs on this machine.
"""
