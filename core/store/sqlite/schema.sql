-- The tables of a state folder's grapnel.db. What runs through here is described in store.h; this page says how it is
-- kept. A change needs a new user_version, and from the first release on a migration in database.c; before it, a store of
-- another version is refused.
PRAGMA application_id = 0x47524e4c; -- "GRNL"
PRAGMA user_version = 2;

-- Names of sources and event types, each written once.
CREATE TABLE name (
    number INTEGER PRIMARY KEY,
    text TEXT NOT NULL UNIQUE
);

-- Every plugin that was ever configured: its number stays its own, so that deliveries find it again after it comes
-- back.
CREATE TABLE plugin (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
);

-- A rowid table, since large rows make a WITHOUT ROWID table several times the size; and the body last, since reading a
-- column means walking past those before it.
CREATE TABLE event (
    number INTEGER PRIMARY KEY,    -- in order of acceptance, never used twice: deliveries and dead letters hang on it
    received_ms INTEGER NOT NULL,
    source INTEGER NOT NULL,       -- name.number
    type INTEGER NOT NULL,         -- name.number
    external_id TEXT NOT NULL,     -- the sender's
    headers BLOB NOT NULL,
    body BLOB NOT NULL
);

-- Events that no route matched, until they are replayed or deleted.
CREATE TABLE unrouted (
    event INTEGER PRIMARY KEY
);

-- What was already accepted, by digest of source and external_id, and for some sources of what was signed; it outlives
-- the event itself (dedup.h). Keys are packed: 16 bytes of digest, 8 of event number and 8 of a hash of the body,
-- big-endian. All of an event are in one row and one run, so that they can be dropped by age. First they come here, a row
-- for each commit …
CREATE TABLE dedup_recent (
    event INTEGER PRIMARY KEY,     -- the lowest in it
    keys BLOB NOT NULL
);
-- … then 65,536 of them become a run of 640 sorted pages, each for an equal part of all digests …
CREATE TABLE dedup (
    page INTEGER PRIMARY KEY,      -- run * 640 + which part
    keys BLOB NOT NULL
);
-- … which counts as soon as its row is here, and holds all rows of dedup_recent up to last_event.
CREATE TABLE dedup_run (
    number INTEGER PRIMARY KEY,
    last_event INTEGER NOT NULL,
    filter BLOB NOT NULL           -- of the digests in it
);

-- A row exists only while work remains; what was done is in the journal.
CREATE TABLE delivery (
    plugin INTEGER NOT NULL,
    event INTEGER NOT NULL,
    due_ms INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    crashes INTEGER NOT NULL,
    PRIMARY KEY (plugin, event)
) WITHOUT ROWID;
-- Only retries are in it: a delivery that succeeds at once never touches it.
CREATE INDEX delivery_due ON delivery (plugin, due_ms) WHERE attempts > 0;

CREATE TABLE dead (
    plugin INTEGER NOT NULL,
    event INTEGER NOT NULL,
    dead_ms INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    crashes INTEGER NOT NULL,
    reason INTEGER NOT NULL,       -- enum store_reason
    detail TEXT NOT NULL,
    PRIMARY KEY (plugin, event)
) WITHOUT ROWID;

-- Why the latest failed attempt of a delivery failed, where there was one. A dead letter has its own detail instead.
CREATE TABLE last_error (
    plugin INTEGER NOT NULL,
    event INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (plugin, event)
) WITHOUT ROWID;

-- Settled deliveries, packed (journal.h). A block is 256 events, so that an event's story is found in one block, and
-- retention deletes whole blocks.
CREATE TABLE journal (
    block INTEGER NOT NULL,        -- event number >> 8
    sequence INTEGER NOT NULL,     -- order within the block
    entries BLOB NOT NULL,
    PRIMARY KEY (block, sequence)
) WITHOUT ROWID;

CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value NOT NULL
) WITHOUT ROWID;

-- When the newest event is deleted, its number would be free again: whoever deletes it, this remembers it.
CREATE TRIGGER event_number_used BEFORE DELETE ON event WHEN old.number = (SELECT max(number) FROM event)
BEGIN
    INSERT INTO meta (key, value) VALUES ('highest_event', old.number)
        ON CONFLICT (key) DO UPDATE SET value = max(value, excluded.value);
END;
