/* Deduplication: the digests of late, how they move on into runs, and how they come back after a start. */
#include <stdlib.h>
#include <string.h>

#include "store/sqlite/engine.h"

enum {
    PAGE_PER_KEYS = 50,    /* a page for so many new keys, at least: twice as fast as keys for the next run come in */
    FORGET_AT_LEAST = 256, /* events whose rows of dedup_recent a group deletes, when there are such */
    FORGET_PER_KEY = 4,
};

static int dedup_ask(struct store *store, const struct digest_entry *entry, bool *known, struct digest_entry *first) {
    const struct dedup *dedup = &store->dedup;
    const struct digest_entry *there = digest_set_find(&dedup->recent, entry);
    there = there ? there : digest_set_find(&dedup->maturing, entry);
    *known = there;
    if (there) {
        *first = *there;
        return SQLITE_OK;
    }
    return dedup_runs_ask(store, entry, known, first);
}

static void dedup_remember(struct dedup *dedup, struct digest_entry entry) {
    digest_set_add(&dedup->recent, entry);
    dedup->fresh[dedup->fresh_count++] = entry;
}

int dedup_add(struct store *store, const struct store_put *put, int64_t event, enum store_result *result) {
    struct dedup *dedup = &store->dedup;
    struct digest_entry id = digest_entry_of(put->digest, event, put->body_hash),
                        guard = digest_entry_of(put->guard, event, put->body_hash), first;
    bool known;
    if (dedup->recent.count + 2 > DIGEST_SET_LIMIT) { /* memory was short ever since a run was due */
        return SQLITE_NOMEM;
    }
    *result = STORE_ACCEPTED;
    int asked = dedup_ask(store, &id, &known, &first);
    if (asked == SQLITE_OK && known) {
        *result = first.body == put->body_hash ? STORE_DUPLICATE : STORE_CONFLICT;
    } else if (asked == SQLITE_OK && put->guarded) {
        asked = dedup_ask(store, &guard, &known, &first);
        *result = asked == SQLITE_OK && known ? STORE_REPLAY : STORE_ACCEPTED;
    }
    if (asked == SQLITE_OK && *result == STORE_ACCEPTED) {
        dedup_remember(dedup, id);
        if (put->guarded) {
            dedup_remember(dedup, guard);
        }
    }
    return asked;
}

/* The group's own keys: one row, in the order of their events. */
static int fresh_write(struct store *store) {
    struct dedup *dedup = &store->dedup;
    buffer_clear(&dedup->page);
    for (int i = 0; i < dedup->fresh_count; i++) {
        dedup_pack(&dedup->page, &dedup->fresh[i]);
    }
    if (dedup->page.failed) {
        return SQLITE_NOMEM;
    }
    sqlite3_stmt *add = store->statements[STATEMENT_DEDUP_RECENT_ADD];
    sqlite3_bind_int64(add, 1, dedup->fresh[0].event);
    sqlite3_bind_blob64(add, 2, dedup->page.data, dedup->page.length, SQLITE_STATIC);
    return database_step(add);
}

static int recent_forget(struct store *store) {
    struct dedup *dedup = &store->dedup;
    int64_t step = FORGET_AT_LEAST + FORGET_PER_KEY * dedup->fresh_count,
            left = dedup->covered - dedup->written.forgotten;
    dedup->written.forgotten += left < step ? left : step;
    sqlite3_stmt *forget = store->statements[STATEMENT_DEDUP_RECENT_FORGET];
    sqlite3_bind_int64(forget, 1, dedup->written.forgotten);
    return database_step(forget);
}

int dedup_write(struct store *store) {
    struct dedup *dedup = &store->dedup;
    if (dedup->fresh_count == 0) {
        return SQLITE_OK;
    }
    int result = fresh_write(store);
    if (result == SQLITE_OK && dedup->maturing.count > 0) {
        bool late = dedup->recent.count >= DEDUP_RUN_KEYS; /* then all of it now: the next run needs the place */
        result = dedup_run_write(store, late ? DEDUP_RUN_PAGES : 1 + dedup->fresh_count / PAGE_PER_KEYS);
    }
    if (result == SQLITE_OK && dedup->covered > dedup->written.forgotten) {
        result = recent_forget(store);
    }
    return result;
}

/* What was written as a run is one from now on. */
static void maturing_done(struct dedup *dedup) {
    dedup_run_append(dedup, dedup->next_run); /* has room: see maturing_begin */
    dedup->next_run = (struct dedup_run){ .number = dedup->next_run.number + 1 };
    dedup->covered = dedup->maturing_last;
    digest_set_free(&dedup->maturing);
    dedup->committed.slot = 0;
    dedup->committed.page = dedup->committed.keys = 0;
    dedup->written = dedup->committed;
}

/* Enough keys for a run have come together. Without memory for what comes next, they go on coming together. */
static void maturing_begin(struct dedup *dedup) {
    struct digest_set empty;
    if (dedup->recent.count < DEDUP_RUN_KEYS || dedup->maturing.count > 0 || !dedup_run_reserve(dedup) ||
        !digest_set_make(&empty)) {
        return;
    }
    dedup->maturing = dedup->recent;
    dedup->maturing_last = dedup->recent_last;
    dedup->recent = empty;
}

void dedup_committed(struct store *store) {
    struct dedup *dedup = &store->dedup;
    if (dedup->fresh_count > 0) {
        dedup->recent_last = dedup->fresh[0].event;
        dedup->fresh_count = 0;
    }
    dedup->committed = dedup->written;
    if (dedup->maturing.count > 0 && dedup->committed.page == DEDUP_RUN_PAGES) {
        maturing_done(dedup);
    }
    maturing_begin(dedup);
}

void dedup_rolled_back(struct store *store) {
    struct dedup *dedup = &store->dedup;
    while (dedup->fresh_count > 0) {
        digest_set_remove(&dedup->recent, dedup->fresh[--dedup->fresh_count]);
    }
    dedup->written = dedup->committed;
    maturing_begin(dedup); /* if there was no memory for it before */
}

/* --- after a start --- */

static int runs_load(struct store *store, sqlite3_stmt *runs, sqlite3_stmt *filter) {
    struct dedup *dedup = &store->dedup;
    int result;
    while ((result = sqlite3_step(runs)) == SQLITE_ROW) {
        struct dedup_run run = { .number = sqlite3_column_int64(runs, 0),
                                 .last_event = sqlite3_column_int64(runs, 1),
                                 .made_ms = sqlite3_column_int64(runs, 2) };
        if (!dedup_run_reserve(dedup)) {
            return SQLITE_NOMEM;
        }
        dedup_run_append(dedup, run);
        dedup->covered = dedup->highest = run.last_event;
        dedup->next_run.number = run.number + 1;
    }
    int oldest = dedup->run_count > DEDUP_FILTER_LIMIT ? dedup->run_count - DEDUP_FILTER_LIMIT : 0;
    for (int i = oldest; i < dedup->run_count && result == SQLITE_DONE; i++) {
        sqlite3_bind_int64(filter, 1, dedup->runs[i].number);
        result = sqlite3_step(filter);
        if (result == SQLITE_ROW && sqlite3_column_bytes(filter, 0) == DEDUP_FILTER_SIZE) {
            if (!(dedup->runs[i].filter = malloc(DEDUP_FILTER_SIZE))) {
                return SQLITE_NOMEM;
            }
            memcpy(dedup->runs[i].filter, sqlite3_column_blob(filter, 0), DEDUP_FILTER_SIZE);
            result = SQLITE_DONE;
        } else if (result == SQLITE_ROW) {
            result = SQLITE_CORRUPT;
        }
        sqlite3_reset(filter);
    }
    return result;
}

/* Row by row as they were committed, so that the run that was in the making becomes the same one again. Its pages that
 * are there already will be written over. */
static int recent_load(struct store *store, sqlite3_stmt *rows) {
    struct dedup *dedup = &store->dedup;
    int result;
    while ((result = sqlite3_step(rows)) == SQLITE_ROW) {
        dedup->recent_last = sqlite3_column_int64(rows, 0);
        if (dedup->recent_last <= dedup->covered) {
            continue; /* in a run, and not deleted yet */
        }
        const unsigned char *packed = sqlite3_column_blob(rows, 1);
        int count = sqlite3_column_bytes(rows, 1) / DEDUP_ENTRY_SIZE;
        if (dedup->recent.count + count > DIGEST_SET_LIMIT) {
            return SQLITE_CORRUPT;
        }
        for (int i = 0; i < count; i++) {
            struct digest_entry entry = dedup_unpack(packed + i * DEDUP_ENTRY_SIZE);
            digest_set_add(&dedup->recent, entry);
            dedup->highest = entry.event > dedup->highest ? entry.event : dedup->highest;
        }
        maturing_begin(dedup);
    }
    return result;
}

bool dedup_load(struct store *store, struct fault *fault) {
    static const char *const texts[] = {
        "SELECT number, last_event, made_ms FROM dedup_run ORDER BY number",
        "SELECT filter FROM dedup_run WHERE number = ?1",
        "SELECT event, keys FROM dedup_recent ORDER BY event",
        "SELECT coalesce(min(event), 1) - 1 FROM dedup_recent",
    };
    enum { QUERIES = sizeof texts / sizeof *texts };
    struct dedup *dedup = &store->dedup;
    sqlite3_stmt *queries[QUERIES] = { NULL };
    int result = digest_set_make(&dedup->recent) ? SQLITE_OK : SQLITE_NOMEM;
    for (int i = 0; i < QUERIES && result == SQLITE_OK; i++) {
        result = sqlite3_prepare_v2(store->database, texts[i], -1, &queries[i], NULL);
    }
    if (result == SQLITE_OK) {
        result = runs_load(store, queries[0], queries[1]);
    }
    if (result == SQLITE_DONE) {
        result = recent_load(store, queries[2]);
    }
    if (result == SQLITE_DONE && sqlite3_step(queries[3]) == SQLITE_ROW) {
        dedup->committed.forgotten = sqlite3_column_int64(queries[3], 0);
        dedup->written = dedup->committed;
    }
    for (int i = 0; i < QUERIES; i++) {
        sqlite3_finalize(queries[i]);
    }
    return result == SQLITE_DONE || fault_set(fault, "%s: reading the digests of accepted events failed: %s (error %d)",
                                              store->path, sqlite3_errstr(result), result);
}

void dedup_free(struct dedup *dedup) {
    for (int i = 0; i < dedup->run_count; i++) {
        free(dedup->runs[i].filter);
    }
    free(dedup->runs);
    free(dedup->next_run.filter);
    digest_set_free(&dedup->recent);
    digest_set_free(&dedup->maturing);
    buffer_free(&dedup->page);
}
