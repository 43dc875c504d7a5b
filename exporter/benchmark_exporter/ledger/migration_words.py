"""What each migration changes, in the words of the log and of `upgrade-check`."""

# Of MIGRATIONS, in their order.
CHANGES_BY_MIGRATION = (
    "creates the tables",
    "renames tables and columns to the glossary's terms",
    "makes room for what the judge knows of each series",
    "keeps projects, branches and machine classes apart",
    "gives each run its place by time, so that late runs can be judged",
    "keeps how far environment shifts reach",
    "keeps which names belong to which executables and aliases",
    "keeps which regressions were reported",
    "keeps by which limits each result was judged",
    "keeps which results drift",
    "keeps change points",
    "bounds the alerts that are kept, and the counters of their names",
    "makes room for the witnesses of an overwritten file",
    "keeps the states of regressions, and who gave them",
    "keeps which runs refute that a regression is fixed",
    "keeps alerts whole, so that an end that was missed can be reported",
)


def changes_of(number: int) -> str:
    """What the migration to a schema does."""
    known = len(CHANGES_BY_MIGRATION)
    return CHANGES_BY_MIGRATION[number - 1] if number <= known else "changes what is stored"
