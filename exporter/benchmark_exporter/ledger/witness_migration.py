"""The migration that makes room for the witnesses, by which an overwritten file is noticed."""

WITNESS_TABLES = """
    CREATE TABLE witness_1 (nonce BLOB NOT NULL);
    CREATE TABLE witness_2 (nonce BLOB NOT NULL);
    """
