/* Opening and closing a store, and what is asked of it before its writer thread runs. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "store/sqlite/engine.h"

static void ignore_commit(void *context, struct store_put *const *accepted, int accepted_count, int settled_count) {
    (void)context, (void)accepted, (void)accepted_count, (void)settled_count;
}

static void ignore_given_up(void *context, struct store_settle *settles) {
    (void)context;
    store_settle_free(settles);
}

static void ignore_reopened(void *context, int plugin) {
    (void)context, (void)plugin;
}

static void ignore_break(void *context, const char *why) {
    (void)context, (void)why;
}

static void store_free(struct store *store) {
    database_close(store);
    names_forget(&store->names);
    dedup_free(&store->dedup);
    tally_free(&store->tallies);
    notes_free(&store->notes);
    health_free(&store->health);
    if (store->lock >= 0) {
        close(store->lock); /* which frees the lock */
    }
    free(store->path);
    free(store->folder);
    free(store);
}

struct store *store_open(const struct store_options *options, struct fault *fault) {
    struct store *store =
        aligned_alloc(_Alignof(struct store), sizeof *store); /* its atomics have cache lines of their own */
    if (!store) {
        fault_set(fault, "%s: out of memory", options->folder);
        return NULL;
    }
    memset(store, 0, sizeof *store);
    notes_begin(&store->notes);
    health_begin(&store->health);
    store->lock = -1;
    store->clock.wall_ms = options->wall_ms;
    store->log = options->log;
    store->listener = options->listener;
    store->listener.committed = store->listener.committed ? store->listener.committed : ignore_commit;
    store->listener.given_up = store->listener.given_up ? store->listener.given_up : ignore_given_up;
    store->listener.reopened = store->listener.reopened ? store->listener.reopened : ignore_reopened;
    store->listener.broken = store->listener.broken ? store->listener.broken : ignore_break;
    store->folder = strdup(options->folder);
    room_open(store);
    if (!store->folder || asprintf(&store->path, "%s/grapnel.db", options->folder) < 0) {
        store->path = NULL;
        fault_set(fault, "%s: out of memory", options->folder);
    } else if (folder_open(store, options->folder, fault) && database_open(store, fault) &&
               retain_open(store, &options->retain, fault)) {
        return store;
    }
    store_free(store);
    return NULL;
}

const char *store_path(const struct store *store) {
    return store->path;
}

int store_plugin(struct store *store, const char *name, struct fault *fault) {
    if (store->started) {
        fault_set(fault, "plugin \"%s\": plugins are numbered before the store starts", name);
        return -1;
    }
    sqlite3_stmt *find = NULL, *add = NULL;
    int number = -1;
    int result = sqlite3_prepare_v2(store->database, "SELECT number FROM plugin WHERE name = ?1", -1, &find, NULL);
    if (result == SQLITE_OK) {
        sqlite3_bind_text(find, 1, name, -1, SQLITE_STATIC);
        result = sqlite3_step(find);
    }
    if (result == SQLITE_ROW) {
        number = sqlite3_column_int(find, 0);
    } else if (result == SQLITE_DONE) {
        result = sqlite3_prepare_v2(store->database, "INSERT INTO plugin (name) VALUES (?1)", -1, &add, NULL);
        if (result == SQLITE_OK) {
            sqlite3_bind_text(add, 1, name, -1, SQLITE_STATIC);
            result = sqlite3_step(add);
        }
        number = result == SQLITE_DONE ? (int)sqlite3_last_insert_rowid(store->database) : -1;
    }
    if (number < 0) {
        database_fault(store, "numbering a plugin", fault);
    }
    sqlite3_finalize(find);
    sqlite3_finalize(add);
    if (number > 0 && (!tally_reserve(&store->tallies, number) || !notes_reserve(&store->notes, number))) {
        fault_set(fault, "plugin \"%s\": out of memory", name);
        return -1;
    }
    return number;
}

static bool number_is_among(const int *numbers, int count, int number) {
    for (int i = 0; i < count; i++) {
        if (numbers[i] == number) {
            return true;
        }
    }
    return false;
}

int64_t store_parked(struct store *store, const int *numbers, int count, int64_t limit) {
    sqlite3_stmt *plugins = NULL, *open = NULL;
    int64_t parked = 0;
    int result = sqlite3_prepare_v2(store->database, "SELECT number FROM plugin", -1, &plugins, NULL);
    if (result == SQLITE_OK) {
        result = sqlite3_prepare_v2(store->database,
                                    "SELECT count(*) FROM (SELECT 1 FROM delivery WHERE plugin = ?1 LIMIT ?2)", -1,
                                    &open, NULL);
    }
    while (result == SQLITE_OK && (result = sqlite3_step(plugins)) == SQLITE_ROW) {
        int number = sqlite3_column_int(plugins, 0);
        result = SQLITE_OK;
        if (!number_is_among(numbers, count, number)) {
            sqlite3_bind_int(open, 1, number);
            sqlite3_bind_int64(open, 2, limit);
            result = sqlite3_step(open) == SQLITE_ROW ? SQLITE_OK : sqlite3_errcode(store->database);
            parked += sqlite3_column_int64(open, 0);
            sqlite3_reset(open);
        }
    }
    if (result != SQLITE_DONE) {
        log_error(store->log, "store: %s: counting parked deliveries failed: %s", store->path,
                  sqlite3_errmsg(store->database));
    }
    sqlite3_finalize(plugins);
    sqlite3_finalize(open);
    return parked;
}

int64_t store_waiting(struct store *store, int64_t limit) {
    sqlite3_stmt *count = NULL;
    int64_t waiting = -1;
    if (sqlite3_prepare_v2(store->database, "SELECT count(*) FROM (SELECT 1 FROM delivery LIMIT ?1)", -1, &count,
                           NULL) == SQLITE_OK) {
        sqlite3_bind_int64(count, 1, limit);
        waiting = sqlite3_step(count) == SQLITE_ROW ? sqlite3_column_int64(count, 0) : -1;
    }
    if (waiting < 0) {
        log_error(store->log, "store: %s: counting deliveries failed: %s", store->path,
                  sqlite3_errmsg(store->database));
    }
    sqlite3_finalize(count);
    return waiting;
}

bool store_start(struct store *store, struct fault *fault) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are other threads' business */
    int error = pthread_create(&store->writer, NULL, writer_run, store);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error != 0) {
        return fault_set(fault, "%s: the writer thread can't be started: %s", store->path, strerror(error));
    }
    pthread_setname_np(store->writer, "grapnel-store");
    store->started = true;
    return true;
}

void store_stop(struct store *store) {
    if (store->stopped) {
        return;
    }
    waiting_stop(&store->waiting);
    if (store->started) {
        pthread_join(store->writer, NULL);
    } else {
        writer_run(store); /* what was put before a start that never came */
    }
    store->stopped = true;
}

void store_close(struct store *store) {
    if (!store) {
        return;
    }
    store_stop(store);
    checkpoint_last(store);
    store_free(store);
}

void store_put(struct store *store, struct store_put *put) {
    put->body_hash = XXH3_64bits(put->event->body.data, put->event->body.length); /* here, off the writer thread */
    waiting_push_put(&store->waiting, put);
}

void store_settle(struct store *store, struct store_settle *first) {
    waiting_push_settles(&store->waiting, first);
}

void store_order(struct store *store, struct store_order *order) {
    waiting_push_order(&store->waiting, order);
}
