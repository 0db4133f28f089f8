-- Of each app whose newest entries are not all in entry_key and key_head yet: the lowest position that may be missing there. The transaction that
-- first leaves something missing makes this table, and the one that writes the last of it drops it and takes this migration back: while it is
-- not there, older programs can open the database.

CREATE TABLE owed (
    app   INTEGER PRIMARY KEY REFERENCES app (id),
    first INTEGER NOT NULL
) STRICT;
