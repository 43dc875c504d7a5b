"""File names that are hard to handle, as bytes, and how each is shown."""

# Without the suffix. Two of them differ only in how they are normalised, one only in that its
# backslash is one.
ODD_NAMES = {
    b"latin-\xe9\xff": r"latin-\xe9\xff",
    rb"latin-\xe9\xff": r"latin-\\xe9\\xff",
    b"two\nlines\r": r"two\nlines\r",
    b"red\x1b[31m\x7f": r"red\x1b[31m\x7f",
    "c1-\x9b31m".encode(): r"c1-\x9b31m",
    "bidi-\u202e\u2066txt".encode(): r"bidi-\u202e\u2066txt",
    "invisible-\u200b\ufeff".encode(): r"invisible-\u200b\ufeff",
    b"quotes\"'`$(x)&<b>": "quotes\"'`$(x)&<b>",
    "caf\u00e9".encode(): "caf\u00e9",
    "cafe\u0301".encode(): "cafe\u0301",
    b" leading, trailing ": " leading, trailing ",
    b"x" * 250: "x" * 250,
}
