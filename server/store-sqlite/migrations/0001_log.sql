-- The log and everything that stands beside it (DESIGN rules 1 to 9). Positions are dense per app; instants are milliseconds
-- since 1970; lanes are 0 (normal) and 1 (background); ids are the 16 bytes of a UUID.

CREATE TABLE app (
    id       INTEGER PRIMARY KEY,
    name     TEXT    NOT NULL UNIQUE,
    -- The last position: a row of its own, never max(seq).
    last_seq INTEGER NOT NULL DEFAULT 0,
    -- Up to here everything was swept.
    floor    INTEGER NOT NULL DEFAULT 0,
    -- When the server is known to have run last.
    alive_at INTEGER NOT NULL DEFAULT 0
) STRICT;

INSERT INTO app (id, name) VALUES (1, 'default');

CREATE TABLE generation (
    app INTEGER NOT NULL REFERENCES app (id),
    seq INTEGER NOT NULL,
    -- The 64 bits, read as a signed number.
    id  INTEGER NOT NULL,
    PRIMARY KEY (app, seq)
) STRICT, WITHOUT ROWID;

-- One row per entry, whatever its audience.
CREATE TABLE entry (
    app           INTEGER NOT NULL REFERENCES app (id),
    seq           INTEGER NOT NULL,
    id            BLOB    NOT NULL,
    kind          TEXT    NOT NULL,
    created_at    INTEGER NOT NULL,
    -- Null for membership changes and generations, which are never sent.
    lane          INTEGER,
    expires_at    INTEGER,
    -- The keys as given, separated by spaces.
    audience      TEXT,
    filter        TEXT,
    collapse_key  TEXT,
    -- Of what has a collapse key: a hash of the audience, so that an index finds what supersedes it.
    audience_hash INTEGER,
    target_id     BLOB,
    target_seq    INTEGER,
    -- What the device is given; of a membership change, the change; of a generation, its id.
    payload       TEXT,
    PRIMARY KEY (app, seq)
) STRICT;

CREATE UNIQUE INDEX entry_id ON entry (app, id);
CREATE INDEX entry_target ON entry (app, target_seq, seq) WHERE target_seq IS NOT NULL;
CREATE INDEX entry_collapse ON entry (app, collapse_key, audience_hash, lane, seq) WHERE collapse_key IS NOT NULL;
CREATE INDEX entry_expiry ON entry (app, expires_at) WHERE expires_at IS NOT NULL;

-- Which entries a key is given, in order.
CREATE TABLE entry_key (
    app          INTEGER NOT NULL,
    key          TEXT    NOT NULL,
    lane         INTEGER NOT NULL,
    seq          INTEGER NOT NULL,
    -- Where the audience is judged: the target's position for what follows one.
    audience_seq INTEGER NOT NULL,
    PRIMARY KEY (app, key, lane, seq)
) STRICT, WITHOUT ROWID;

-- The newest positions per key and how many devices hold it: a login asks this and not the log (rule 11).
CREATE TABLE key_head (
    app               INTEGER NOT NULL,
    key               TEXT    NOT NULL,
    normal            INTEGER NOT NULL,
    background        INTEGER NOT NULL,
    recall_normal     INTEGER NOT NULL,
    recall_background INTEGER NOT NULL,
    members           INTEGER NOT NULL,
    PRIMARY KEY (app, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX key_head_empty ON key_head (app, key) WHERE members = 0;

CREATE TABLE idempotency (
    app       INTEGER NOT NULL REFERENCES app (id),
    key       TEXT    NOT NULL,
    body_hash BLOB    NOT NULL,
    status    INTEGER NOT NULL,
    answer    TEXT    NOT NULL,
    at        INTEGER NOT NULL,
    PRIMARY KEY (app, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX idempotency_at ON idempotency (app, at);

CREATE TABLE device (
    id                BLOB    PRIMARY KEY,
    app               INTEGER NOT NULL REFERENCES app (id),
    account           TEXT    NOT NULL,
    -- 0 push (named by its user-agent id), 1 resource (named by it), 2 shared (no name).
    kind              INTEGER NOT NULL,
    name              TEXT    NOT NULL,
    created_at        INTEGER NOT NULL,
    installation_hash BLOB,
    UNIQUE (app, account, kind, name)
) STRICT, WITHOUT ROWID;

CREATE INDEX device_name ON device (app, kind, name);

-- What changes often of a device.
CREATE TABLE device_state (
    device           BLOB    PRIMARY KEY REFERENCES device (id) ON DELETE CASCADE,
    normal           INTEGER NOT NULL,
    background       INTEGER NOT NULL,
    last_seen        INTEGER,
    offline_since    INTEGER,
    next_contact     INTEGER,
    -- When the session of now began; its row is written when it ends.
    online_since     INTEGER,
    attempt_seq      INTEGER,
    attempt_sessions INTEGER
) STRICT, WITHOUT ROWID;

-- Sessions that are over, the newest few of each device: why a notification had to wait.
CREATE TABLE session (
    device     BLOB    NOT NULL REFERENCES device (id) ON DELETE CASCADE,
    began_at   INTEGER NOT NULL,
    heard_at   INTEGER NOT NULL,
    ended_at   INTEGER NOT NULL,
    ending     TEXT    NOT NULL,
    -- Of one that the server did not outlive: when the server ran again.
    resumed_at INTEGER,
    -- What it left behind that was not acknowledged; none when that is not known.
    rest       TEXT,
    PRIMARY KEY (device, began_at)
) STRICT, WITHOUT ROWID;

CREATE INDEX session_end ON session (ended_at);

-- Intervals (joined_seq, left_seq]; those of removed devices stay as long as entries in them.
CREATE TABLE membership (
    app        INTEGER NOT NULL REFERENCES app (id),
    key        TEXT    NOT NULL,
    device     BLOB    NOT NULL,
    joined_seq INTEGER NOT NULL,
    left_seq   INTEGER,
    left_at    INTEGER,
    PRIMARY KEY (app, key, device, joined_seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX membership_device ON membership (device);
CREATE INDEX membership_left ON membership (app, left_seq) WHERE left_seq IS NOT NULL;

-- What a device has acknowledged in (from_seq, to_seq], but for the exceptions.
CREATE TABLE acknowledgement (
    device     BLOB    NOT NULL,
    lane       INTEGER NOT NULL,
    to_seq     INTEGER NOT NULL,
    from_seq   INTEGER NOT NULL,
    app        INTEGER NOT NULL REFERENCES app (id),
    -- `ending ranges`, separated by semicolons.
    exceptions TEXT,
    -- `position@instant` or `position@instant+hold` of what was written to the device, separated by spaces.
    sent       TEXT,
    at         INTEGER NOT NULL,
    PRIMARY KEY (device, lane, to_seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX acknowledgement_end ON acknowledgement (app, to_seq);

CREATE TABLE event (
    entry  BLOB    NOT NULL,
    device BLOB    NOT NULL,
    type   TEXT    NOT NULL,
    at     INTEGER NOT NULL,
    reason TEXT,
    PRIMARY KEY (entry, device, type)
) STRICT, WITHOUT ROWID;

-- Uses of a notification's actions; each is told once by action, text and the time that the device said.
CREATE TABLE used_action (
    entry   BLOB    NOT NULL,
    device  BLOB    NOT NULL,
    told_at INTEGER NOT NULL,
    action  TEXT    NOT NULL,
    -- What the user wrote; empty when nothing.
    text    TEXT    NOT NULL,
    at      INTEGER NOT NULL,
    PRIMARY KEY (entry, device, told_at, action, text)
) STRICT, WITHOUT ROWID;

CREATE TABLE account (
    name        TEXT    PRIMARY KEY,
    salt        BLOB    NOT NULL,
    iterations  INTEGER NOT NULL,
    stored_key  BLOB    NOT NULL,
    server_key  BLOB    NOT NULL,
    created_at  INTEGER NOT NULL,
    is_disabled INTEGER NOT NULL,
    -- The id of the app key that admitted it.
    app_key     TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE fast_tokens (
    device          BLOB    PRIMARY KEY REFERENCES device (id) ON DELETE CASCADE,
    mechanism       TEXT    NOT NULL,
    current_issue   INTEGER,
    current_expires INTEGER,
    newest_issue    INTEGER,
    newest_expires  INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE api_key (
    id          TEXT    PRIMARY KEY,
    app         INTEGER NOT NULL REFERENCES app (id),
    secret_hash BLOB    NOT NULL,
    -- Words separated by spaces.
    scopes      TEXT    NOT NULL,
    label       TEXT,
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER,
    revoked_at  INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE app_key (
    id            TEXT    PRIMARY KEY,
    app           INTEGER NOT NULL REFERENCES app (id),
    secret_hash   BLOB    NOT NULL,
    label         TEXT,
    created_at    INTEGER NOT NULL,
    revoked_at    INTEGER,
    registrations INTEGER NOT NULL,
    last_used_at  INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE user_key (
    id         TEXT    PRIMARY KEY,
    app        INTEGER NOT NULL REFERENCES app (id),
    algorithm  TEXT    NOT NULL,
    -- SubjectPublicKeyInfo in DER.
    public_key BLOB    NOT NULL,
    label      TEXT,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT, WITHOUT ROWID;
