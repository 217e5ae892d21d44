/* What the store's tests share: a state folder of their own, puts that can be waited for, a listener that notes what it
 * is told. */
#ifndef STORE_TEST_H
#define STORE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/store.h"

struct bench {
    char folder[64];
    struct log log;
    struct store *store;
    struct store_reader *reader;
    int plugins[2];
    struct store_retain retain; /* to open with */
    int64_t wall_ms;            /* likewise */
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    /* Noted by the listener, under the mutex. */
    int64_t last_number;
    int accepted, settled, broken;
    int reopened[8]; /* by plugin number: how often */
    struct store_settle *given_up[8];
    int given_up_count;
    bool disorder;
    char why[FAULT_TEXT_SIZE];
};

struct test_put {
    struct store_put put;
    struct bench *bench;
    int answers;
    enum store_result result;
};

static inline void bench_committed(void *context, struct store_put *const *accepted, int accepted_count,
                                   int settled_count) {
    struct bench *bench = context;
    pthread_mutex_lock(&bench->mutex);
    for (int i = 0; i < accepted_count; i++) {
        bench->disorder |= accepted[i]->event->number != bench->last_number + 1;
        bench->disorder |= ((struct test_put *)accepted[i])->answers != 0;
        bench->last_number = accepted[i]->event->number;
    }
    bench->accepted += accepted_count;
    bench->settled += settled_count;
    pthread_cond_broadcast(&bench->changed);
    pthread_mutex_unlock(&bench->mutex);
}

static inline void bench_given_up(void *context, struct store_settle *settles) {
    struct bench *bench = context;
    pthread_mutex_lock(&bench->mutex);
    while (settles && bench->given_up_count < 8) {
        bench->given_up[bench->given_up_count++] = settles;
        settles = settles->next;
    }
    pthread_mutex_unlock(&bench->mutex);
}

static inline void bench_reopened(void *context, int plugin) {
    struct bench *bench = context;
    pthread_mutex_lock(&bench->mutex);
    bench->disorder |= plugin < 1 || plugin > 7;
    bench->reopened[plugin & 7]++;
    pthread_mutex_unlock(&bench->mutex);
}

static inline void bench_broken(void *context, const char *why) {
    struct bench *bench = context;
    pthread_mutex_lock(&bench->mutex);
    bench->broken++;
    snprintf(bench->why, sizeof bench->why, "%s", why);
    pthread_cond_broadcast(&bench->changed);
    pthread_mutex_unlock(&bench->mutex);
}

static inline struct store *bench_try_open(struct bench *bench, struct fault *fault) {
    struct store_options options = {
        .folder = bench->folder,
        .log = &bench->log,
        .listener = { .context = bench,
                      .committed = bench_committed,
                      .given_up = bench_given_up,
                      .reopened = bench_reopened,
                      .broken = bench_broken },
        .retain = bench->retain,
        .wall_ms = bench->wall_ms,
    };
    return store_open(&options, fault);
}

/* Opened, plugins numbered, not yet started. */
static inline void bench_open(struct bench *bench) {
    struct fault fault = { "" };
    bench->store = bench_try_open(bench, &fault);
    if (!bench->store) {
        fail_msg("%s", fault.text);
    }
    bench->plugins[0] = store_plugin(bench->store, "logging", &fault);
    bench->plugins[1] = store_plugin(bench->store, "email", &fault);
    assert_true(bench->plugins[0] > 0 && bench->plugins[1] > 0);
    bench->reader = store_reader_open(bench->store, &fault);
    assert_non_null(bench->reader);
}

static inline void bench_start(struct bench *bench) {
    struct fault fault = { "" };
    assert_true(store_start(bench->store, &fault));
}

static inline void bench_close(struct bench *bench) {
    store_reader_close(bench->reader);
    store_close(bench->store);
    bench->reader = NULL;
    bench->store = NULL;
}

static inline int bench_make(void **state) {
    struct bench *bench = calloc(1, sizeof *bench);
    const char *parent = getenv("TMPDIR");
    snprintf(bench->folder, sizeof bench->folder, "%s/grapnel-store-XXXXXX",
             parent && strlen(parent) < 30 ? parent : "/tmp");
    pthread_mutex_init(&bench->mutex, NULL);
    pthread_cond_init(&bench->changed, NULL);
    bench->log = (struct log){ .level = LOG_LEVEL_ERROR + 1, .descriptor = 2 };
    *state = bench;
    return mkdtemp(bench->folder) ? 0 : -1;
}

static inline int bench_remove(void **state) {
    struct bench *bench = *state;
    char path[128];
    static const char *const names[] = { "lock",           "grapnel.db",         "grapnel.db-wal",
                                         "grapnel.db-shm", "grapnel.db-journal", "grapnel.db.compact" };
    if (bench->store) {
        bench_close(bench);
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", bench->folder, names[i]);
        unlink(path);
    }
    rmdir(bench->folder);
    for (int i = 0; i < bench->given_up_count; i++) {
        free(bench->given_up[i]);
    }
    pthread_mutex_destroy(&bench->mutex);
    pthread_cond_destroy(&bench->changed);
    free(bench);
    return 0;
}

static inline void bench_path(struct bench *bench, const char *name, char path[128]) {
    snprintf(path, 128, "%s/%s", bench->folder, name);
}

static inline void bench_execute(struct bench *bench, const char *text) {
    char path[128];
    sqlite3 *database;
    bench_path(bench, "grapnel.db", path);
    assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
    assert_int_equal(sqlite3_exec(database, text, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(database);
}

static inline void put_answered(struct store_put *put, enum store_result result) {
    struct test_put *test = (struct test_put *)put;
    struct bench *bench = test->bench;
    pthread_mutex_lock(&bench->mutex);
    test->result = result;
    test->answers++;
    pthread_cond_broadcast(&bench->changed);
    pthread_mutex_unlock(&bench->mutex);
}

static inline void put_make(struct bench *bench, struct test_put *test, const char *id, const char *body) {
    *test = (struct test_put){ .bench = bench };
    test->put.event = event_make(1700000000000, bytes_of("cryptopay"), bytes_of(id), bytes_of("payment.succeeded"),
                                 bytes_of("content-type: application/json\n"), bytes_of(body));
    event_digest(test->put.event->source, test->put.event->id, test->put.digest);
    test->put.plugins = bench->plugins;
    test->put.plugin_count = 2;
    test->put.done = put_answered;
}

static inline enum store_result put_wait(struct test_put *test) {
    pthread_mutex_lock(&test->bench->mutex);
    while (test->answers == 0) {
        pthread_cond_wait(&test->bench->changed, &test->bench->mutex);
    }
    enum store_result result = test->result;
    pthread_mutex_unlock(&test->bench->mutex);
    return result;
}

/* Puts one event and waits; its number, or 0. */
static inline int64_t put_one(struct bench *bench, const char *id, enum store_result expected) {
    struct test_put test;
    put_make(bench, &test, id, "{\"id\":1}");
    store_put(bench->store, &test.put);
    enum store_result result = put_wait(&test);
    int64_t number = test.put.event->number;
    event_release(test.put.event);
    assert_int_equal(result, expected);
    return number;
}

static inline struct store_settle *settle_make(int64_t event, int plugin, enum store_settlement settlement,
                                               int attempts, const char *detail) {
    struct store_settle *settle = store_settle_make(detail);
    assert_non_null(settle);
    settle->event = event;
    settle->plugin = plugin;
    settle->settlement = settlement;
    settle->attempts = attempts;
    settle->at_ms = 1700000001000 + attempts;
    settle->due_ms = 1700000005000;
    settle->duration_us = 1500;
    return settle;
}

/* Waits until so many outcomes were committed since the bench was made. */
static inline void settled_wait(struct bench *bench, int count) {
    pthread_mutex_lock(&bench->mutex);
    while (bench->settled < count) {
        pthread_cond_wait(&bench->changed, &bench->mutex);
    }
    pthread_mutex_unlock(&bench->mutex);
}

/* Makes that of an event what it is to be, and waits. */
static inline void settle_wait(struct bench *bench, struct store_settle *settle) {
    pthread_mutex_lock(&bench->mutex);
    int before = bench->settled;
    pthread_mutex_unlock(&bench->mutex);
    store_settle(bench->store, settle);
    settled_wait(bench, before + 1);
}

struct test_order {
    struct store_order order;
    struct bench *bench;
    int answers;
};

static inline void order_answered(struct store_order *order) {
    struct test_order *test = (struct test_order *)order;
    struct bench *bench = test->bench;
    pthread_mutex_lock(&bench->mutex);
    test->answers++;
    pthread_cond_broadcast(&bench->changed);
    pthread_mutex_unlock(&bench->mutex);
}

static inline void order_make(struct bench *bench, struct test_order *test, enum store_order_kind kind,
                              const struct store_target *targets, int count) {
    *test = (struct test_order){
        .bench = bench,
        .order = { .kind = kind, .targets = targets, .target_count = count, .done = order_answered },
    };
}

static inline void order_wait(struct test_order *test) {
    pthread_mutex_lock(&test->bench->mutex);
    while (test->answers == 0) {
        pthread_cond_wait(&test->bench->changed, &test->bench->mutex);
    }
    pthread_mutex_unlock(&test->bench->mutex);
}

/* How many targets changed; -1: it failed. */
static inline int order_run(struct bench *bench, enum store_order_kind kind, const struct store_target *targets,
                            int count) {
    struct test_order test;
    order_make(bench, &test, kind, targets, count);
    store_order(bench->store, &test.order);
    order_wait(&test);
    assert_true(!test.order.failed || test.order.changed == 0);
    return test.order.failed ? -1 : test.order.changed;
}

static inline int order_one(struct bench *bench, enum store_order_kind kind, int64_t event, int plugin) {
    struct store_target target = { event, plugin };
    return order_run(bench, kind, &target, 1);
}

/* Deliveries read into an array. */
struct test_reading {
    struct store_delivery *read;
    int count, limit;
    int64_t unwanted;
};

static inline bool reading_wants(void *context, int64_t event) {
    return event != ((struct test_reading *)context)->unwanted;
}

static inline bool reading_take(void *context, const struct store_delivery *delivery) {
    struct test_reading *reading = context;
    assert_true(reading->count < reading->limit);
    reading->read[reading->count] = *delivery;
    event_hold(delivery->event);
    return ++reading->count < reading->limit;
}

/* How many there are, at most limit; never asks for none. */
static inline int read_fresh(struct bench *bench, int plugin, int64_t after, struct store_delivery *read, int limit) {
    struct test_reading reading = { .read = read, .limit = limit };
    struct store_taker taker = { .context = &reading, .take = reading_take };
    enum store_read expected = store_read_fresh(bench->reader, plugin, after, &taker);
    assert_int_equal(expected, reading.count < limit ? STORE_READ_ALL : STORE_READ_SOME);
    return reading.count;
}

static inline int read_due(struct bench *bench, int plugin, int64_t now_ms, struct store_delivery *read, int limit) {
    struct test_reading reading = { .read = read, .limit = limit };
    struct store_taker taker = { .context = &reading, .take = reading_take };
    enum store_read expected = store_read_due(bench->reader, plugin, now_ms, &taker);
    assert_int_equal(expected, reading.count < limit ? STORE_READ_ALL : STORE_READ_SOME);
    return reading.count;
}

/* One integer out of the closed or running store, by a reading connection of the test's own. */
static inline int64_t query_integer(struct bench *bench, const char *text) {
    char path[128];
    sqlite3 *database;
    sqlite3_stmt *statement;
    snprintf(path, sizeof path, "%s/grapnel.db", bench->folder);
    assert_int_equal(sqlite3_open_v2(path, &database, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    sqlite3_db_config(database, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    assert_int_equal(sqlite3_prepare_v2(database, text, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int64_t value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(database);
    return value;
}

static inline void assert_sound(struct bench *bench) {
    assert_int_equal(query_integer(bench, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'"),
                     1);
}

/* The tallies say what is there, and nothing is open and dead at the same time. */
static inline void assert_tallied(struct bench *bench) {
    static const char *const wrong[] = {
        "SELECT (SELECT coalesce(sum(pending), 0) FROM tally WHERE plugin = 0) - (SELECT count(*) FROM event)",
        "SELECT (SELECT coalesce(sum(dead), 0) FROM tally WHERE plugin = 0) - (SELECT count(*) FROM unrouted)",
        "SELECT count(*) FROM plugin p LEFT JOIN tally t ON t.plugin = p.number WHERE coalesce(pending, 0) <> "
        "(SELECT count(*) FROM delivery d WHERE d.plugin = p.number AND attempts = 0)",
        "SELECT count(*) FROM plugin p LEFT JOIN tally t ON t.plugin = p.number WHERE coalesce(retrying, 0) <> "
        "(SELECT count(*) FROM delivery d WHERE d.plugin = p.number AND attempts > 0)",
        "SELECT count(*) FROM plugin p LEFT JOIN tally t ON t.plugin = p.number WHERE coalesce(dead, 0) <> "
        "(SELECT count(*) FROM dead d WHERE d.plugin = p.number)",
        "SELECT count(*) FROM delivery JOIN dead USING (plugin, event)",
        "SELECT count(*) FROM delivery JOIN unrouted USING (event)",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        int64_t value = query_integer(bench, wrong[i]);
        if (value != 0) {
            fail_msg("%s: %lld", wrong[i], (long long)value);
        }
    }
}

static inline void assert_counts(struct bench *bench, struct store_counts expected) {
    struct store_counts counts;
    assert_true(store_count(bench->reader, &counts));
    assert_int_equal(counts.events, expected.events);
    assert_int_equal(counts.pending, expected.pending);
    assert_int_equal(counts.retrying, expected.retrying);
    assert_int_equal(counts.dead, expected.dead);
    assert_int_equal(counts.unrouted, expected.unrouted);
}

#endif
