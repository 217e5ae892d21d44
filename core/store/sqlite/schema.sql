-- The tables of a state folder's grapnel.db. What runs through here is described in store.h; this page says how it is
-- kept. A change needs a new user_version, and from the first release on a migration in database.c; before it, a store of
-- another version is refused.
PRAGMA application_id = 0x47524e4c; -- "GRNL"
PRAGMA user_version = 3;

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
    secret INTEGER NOT NULL,       -- which secret of its source verified it, from 1
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
    made_ms INTEGER NOT NULL,      -- store_clock_ms when it was complete: nothing in it was accepted later
    filter BLOB NOT NULL           -- of the digests in it
);

-- A row exists only while work remains; what was done is in the journal. Due times are those of the store's own clock
-- (store_clock_ms), which never goes back.
CREATE TABLE delivery (
    plugin INTEGER NOT NULL,
    event INTEGER NOT NULL,
    due_ms INTEGER NOT NULL,       -- 0: fresh, goes out in the order of events
    attempts INTEGER NOT NULL,     -- since it was made or put back
    crashes INTEGER NOT NULL,
    replay INTEGER NOT NULL,       -- which one it is; 0: none
    since_ms INTEGER NOT NULL,     -- the pool's: see store_settle
    PRIMARY KEY (plugin, event)
) WITHOUT ROWID;
-- A delivery that succeeds at once touches none of these.
CREATE INDEX delivery_due ON delivery (plugin, due_ms) WHERE due_ms > 0;
CREATE INDEX delivery_retrying ON delivery (event) WHERE attempts > 0;

CREATE TABLE dead (
    plugin INTEGER NOT NULL,
    event INTEGER NOT NULL,
    dead_ms INTEGER NOT NULL,      -- wall time
    attempts INTEGER NOT NULL,
    crashes INTEGER NOT NULL,
    replay INTEGER NOT NULL,
    reason INTEGER NOT NULL,       -- enum store_reason
    PRIMARY KEY (plugin, event)
) WITHOUT ROWID;
CREATE INDEX dead_event ON dead (event);
CREATE INDEX dead_age ON dead (dead_ms);

-- Failed attempts, the first and the latest of each delivery, as long as its event is kept. A dead letter's last error is here too.
CREATE TABLE attempt (
    event INTEGER NOT NULL,
    plugin INTEGER NOT NULL,
    sequence INTEGER NOT NULL,     -- over retries and replays
    attempt INTEGER NOT NULL,      -- since the delivery was made or put back
    at_ms INTEGER NOT NULL,        -- wall time
    duration_us INTEGER NOT NULL,
    outcome INTEGER NOT NULL,      -- enum store_outcome
    detail TEXT NOT NULL,
    PRIMARY KEY (event, plugin, sequence)
) WITHOUT ROWID;

-- How many rows there are, kept by every commit that changes it: counting a million takes too long. Plugin 0 stands for the whole:
-- `pending` is events then, and `dead` unrouted ones.
CREATE TABLE tally (
    plugin INTEGER PRIMARY KEY,
    pending INTEGER NOT NULL,      -- deliveries with attempts = 0
    retrying INTEGER NOT NULL,
    dead INTEGER NOT NULL
);

-- What a plugin's breaker remembers over a restart: struct store_note.
CREATE TABLE note (
    plugin INTEGER PRIMARY KEY,
    stood_ms INTEGER NOT NULL,
    open_since_ms INTEGER NOT NULL,
    open_until_ms INTEGER NOT NULL,
    pause_ms INTEGER NOT NULL
);

-- Settled deliveries, packed (journal.h). A block is 256 events, so that an event's story is found in one block, and
-- retention deletes whole blocks.
CREATE TABLE journal (
    block INTEGER NOT NULL,        -- event number >> 8
    sequence INTEGER NOT NULL,     -- order within the block
    entries BLOB NOT NULL,
    PRIMARY KEY (block, sequence)
) WITHOUT ROWID;

-- highest_event: when the newest event is deleted, its number would be free again, so retention remembers it here.
-- clock_ms: where store_clock_ms was, written now and then.
CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value NOT NULL
) WITHOUT ROWID;
