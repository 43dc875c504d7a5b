"""What there is to know of a ledger before it is upgraded, without changing anything.

    python probe.py LEDGER

prints it as JSON. It is for ledgers of any version, and needs the standard library only, so that it
also runs where an earlier version is installed.
"""

import json
import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

ANSWER_SECONDS = 5.0


def probe(path: Path) -> dict[str, int]:
    """Schema, runs, size and the disk's free bytes; `schema` is 0 for what is not a ledger yet.

    Raises:
        sqlite3.Error: it cannot be read.
    """
    free = shutil.disk_usage(path.parent).free
    if not path.is_file() or not path.stat().st_size:
        return {"schema": 0, "runs": 0, "bytes": 0, "free_bytes": free}
    # A ledger that nobody has open has no write-ahead log, and reading one would write an index.
    is_open = path.with_name(f"{path.name}-wal").exists()
    uri = f"{path.absolute().as_uri()}?{'mode=ro' if is_open else 'immutable=1'}"
    with closing(sqlite3.connect(uri, uri=True, timeout=ANSWER_SECONDS)) as ledger:
        (schema,) = ledger.execute("PRAGMA user_version").fetchone()
        (pages,) = ledger.execute("PRAGMA page_count").fetchone()
        (page_bytes,) = ledger.execute("PRAGMA page_size").fetchone()
        (runs,) = ledger.execute("SELECT count(*) FROM runs").fetchone()
    return {"schema": schema, "runs": runs, "bytes": pages * page_bytes, "free_bytes": free}


if __name__ == "__main__":
    print(json.dumps(probe(Path(sys.argv[1]))))
