/* Copying the write-ahead log into the database file, on the writer thread between two groups: only PASSIVE, which
 * waits for nobody, and never TRUNCATE in operation, since writing over a log that has grown is cheaper to sync than
 * letting it grow again. */
#include "base/clock.h"
#include "store/sqlite/engine.h"

enum {
    LARGE_FRAMES =
        1000, /* of 4 KiB. Puts wait while they are copied: with 4000 the slowest of 1000 took five times as long */
    IDLE_FRAMES = 256,
    PINNED_STEP_FRAMES = 1000, /* after a reader kept the log from being copied whole */
    PINNED_TELL_FRAMES = 16384,
};

static int checkpoint_count(void *context, sqlite3 *database, const char *name, int frames) {
    (void)database;
    (void)name;
    struct store *store = context;
    if (frames < store->log_frames) { /* all was copied, and the log begins anew */
        store->copied_frames = 0;
        store->checkpoint_after = 0;
    }
    store->log_frames = frames;
    return SQLITE_OK;
}

void checkpoint_watch(struct store *store) {
    sqlite3_wal_hook(store->database, checkpoint_count, store);
}

static void checkpoint_run(struct store *store) {
    int frames = 0, copied = 0;
    store->copying = true;
    int result = sqlite3_wal_checkpoint_v2(store->database, NULL, SQLITE_CHECKPOINT_PASSIVE, &frames, &copied);
    bool failed = result != SQLITE_OK && (result & 0xff) != SQLITE_BUSY;
    if (failed) {
        trouble_tell(store, result, "copying the write-ahead log into the database");
    }
    store->copying = false;
    if (failed) {
        store->checkpoint_after = store->log_frames + PINNED_STEP_FRAMES;
        return;
    }
    store->copied_frames = copied > 0 ? copied : 0;
    store->checkpoint_after = copied < frames ? frames + PINNED_STEP_FRAMES : 0;
    if (frames - copied > PINNED_TELL_FRAMES) {
        log_limited(store->log, &store->checkpoint_log, LOG_LEVEL_WARN,
                    "store: %s-wal has grown to %d MiB, since a reader has held on to it for long: look for a backup "
                    "or sqlite3 shell "
                    "that is still open",
                    store->path, frames / 256);
    }
}

void checkpoint_if_large(struct store *store) {
    if (store->log_frames - store->copied_frames > LARGE_FRAMES && store->log_frames >= store->checkpoint_after) {
        checkpoint_run(store);
    }
}

bool checkpoint_wanted_idle(const struct store *store) {
    return !store->broken && store->log_frames - store->copied_frames > IDLE_FRAMES;
}

bool checkpoint_is_held(const struct store *store) {
    return store->log_frames - store->copied_frames > PINNED_TELL_FRAMES;
}

void checkpoint_idle(struct store *store) {
    checkpoint_run(store);
    store->wrote_at_us = clock_monotonic_us();
}

void checkpoint_last(struct store *store) {
    if (!store->broken) {
        checkpoint_run(store);
    }
}
