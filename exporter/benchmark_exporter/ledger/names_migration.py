"""The migration that records which names belong to what.

`executables` has the executable that a benchmark's plain name belongs to. `former_names` has the
benchmarks of formats that name them in more detail since: the first run that would have had such a
name takes its history on. `carried_aliases` has the configured aliases whose history was carried
over.
"""

NAMES = """
    CREATE TABLE executables (project TEXT, benchmark TEXT, executable TEXT NOT NULL,
        PRIMARY KEY (project, benchmark)) WITHOUT ROWID;
    CREATE TABLE former_names (project TEXT, benchmark TEXT,
        PRIMARY KEY (project, benchmark)) WITHOUT ROWID;
    INSERT INTO former_names
        SELECT project, benchmark FROM runs JOIN results ON run = id WHERE format = 'jmh'
        UNION SELECT project, benchmark FROM runs JOIN failures ON run = id WHERE format = 'jmh';
    CREATE TABLE carried_aliases (project TEXT, old TEXT, new TEXT,
        PRIMARY KEY (project, old, new)) WITHOUT ROWID;
"""
