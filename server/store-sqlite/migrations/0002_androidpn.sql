-- Accounts of original androidpn clients, apart from the others: they log in by another protocol, which needs the password itself. A
-- name is in one of the two tables.

CREATE TABLE androidpn_account (
    name            TEXT    PRIMARY KEY,
    -- Encrypted under a key that is not in this database.
    sealed_password BLOB    NOT NULL,
    email           TEXT,
    full_name       TEXT,
    created_at      INTEGER NOT NULL,
    -- The tags that its client has claimed for itself, its alias among them: keys separated by spaces, or nothing.
    claimed         TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
