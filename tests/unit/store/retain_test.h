/* What the tests of retention share: events of any age, and waiting for what the writer does by itself. */
#ifndef STORE_RETAIN_TEST_H
#define STORE_RETAIN_TEST_H

#include "store_test.h"

#include "base/clock.h"

enum { HOUR_MS = 3600 * 1000, DAY_MS = 24 * HOUR_MS };

/* Puts an event received at that time, for the first so many plugins (0: unrouted), and waits for the answer. */
static inline enum store_result put_at(struct bench *bench, const char *id, int64_t received_ms, int plugin_count,
                                       size_t body_size, int64_t *number) {
    struct test_put test;
    put_make(bench, &test, id, "");
    event_release(test.put.event);
    char *body = malloc(body_size + 1);
    memset(body, 'x', body_size);
    test.put.event = event_make(received_ms, bytes_of("cryptopay"), bytes_of(id), bytes_of("payment.succeeded"),
                                bytes_of("content-type: application/json\n"), (struct bytes){ body, body_size });
    free(body);
    test.put.plugin_count = plugin_count;
    store_put(bench->store, &test.put);
    enum store_result result = put_wait(&test);
    *number = result == STORE_ACCEPTED ? test.put.event->number : 0;
    event_release(test.put.event);
    return result;
}

static inline int64_t put_old(struct bench *bench, const char *id, int64_t age_ms, int plugin_count) {
    int64_t number;
    assert_int_equal(put_at(bench, id, clock_wall_ms() - age_ms, plugin_count, 8, &number), STORE_ACCEPTED);
    return number;
}

static inline void settle_old(struct bench *bench, int64_t event, int plugin, enum store_settlement settlement,
                              int64_t age_ms) {
    struct store_settle *settle = settle_make(event, bench->plugins[plugin], settlement, 1, "it did not work");
    settle->at_ms = clock_wall_ms() - age_ms;
    store_settle(bench->store, settle);
}

/* Until the query says so. */
static inline void query_wait(struct bench *bench, const char *text, int64_t expected) {
    int64_t value, until_ms = clock_monotonic_ms() + 60000;
    while ((value = query_integer(bench, text)) != expected) {
        if (clock_monotonic_ms() > until_ms)
            fail_msg("%s: still %lld, not %lld", text, (long long)value, (long long)expected);
        usleep(1000);
    }
}

/* The tallies say what is there, and nothing is there whose event is gone. */
static inline void assert_consistent(struct bench *bench) {
    static const char *const wrong[] = {
        "SELECT (SELECT pending FROM tally WHERE plugin = 0) - (SELECT count(*) FROM event)",
        "SELECT (SELECT dead FROM tally WHERE plugin = 0) - (SELECT count(*) FROM unrouted)",
        "SELECT count(*) FROM tally t WHERE plugin > 0 AND pending <> (SELECT count(*) FROM delivery d WHERE d.plugin "
        "= t.plugin AND attempts = 0)",
        "SELECT count(*) FROM tally t WHERE plugin > 0 AND dead <> (SELECT count(*) FROM dead d WHERE d.plugin = "
        "t.plugin)",
        "SELECT count(*) FROM unrouted WHERE event NOT IN (SELECT number FROM event)",
        "SELECT count(*) FROM delivery WHERE event NOT IN (SELECT number FROM event)",
        "SELECT count(*) FROM dead WHERE event NOT IN (SELECT number FROM event)",
        "SELECT count(*) FROM attempt WHERE event NOT IN (SELECT number FROM event)",
        "SELECT count(*) FROM journal WHERE block NOT IN (SELECT number >> 8 FROM event)",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        int64_t value = query_integer(bench, wrong[i]);
        if (value != 0)
            fail_msg("%s: %lld", wrong[i], (long long)value);
    }
}

#endif
