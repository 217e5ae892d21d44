/* Deduplication when there are more events than memory keeps: runs are made, asked, survive restarts and rollbacks in
 * between. */
#include "store/sqlite/dedup.h"

#include "store_test.h"

enum { EVENTS = 2 * DEDUP_RUN_KEYS + 40000, BAD_EVERY = 5000, BATCH = 4096 };

/* Puts the events from..to-1, each `step`-th, without plugins, and sees that all are answered with `expected`. */
static void put_range(struct bench *bench, int from, int to, int step, enum store_result expected) {
    static struct test_put puts[BATCH];
    int twice[] = { bench->plugins[0], bench->plugins[0] };
    while (from < to) {
        int count = 0;
        for (; count < BATCH && from < to; from += step, count++) {
            char id[32];
            snprintf(id, sizeof id, "evt_%d", from);
            put_make(bench, &puts[count], id, "");
            bool bad = expected == STORE_ACCEPTED && from % BAD_EVERY == BAD_EVERY - 1; /* rolls its group back */
            puts[count].put.plugins = twice;
            puts[count].put.plugin_count = bad ? 2 : 0;
            store_put(bench->store, &puts[count].put);
        }
        for (int i = 0; i < count; i++) {
            enum store_result result = put_wait(&puts[i]);
            if (result != (puts[i].put.plugin_count > 0 ? STORE_UNAVAILABLE : expected)) {
                fail_msg("%s: answered %d", puts[i].put.event->id.data, result);
            }
            event_release(puts[i].put.event);
        }
    }
}

static void reopen(struct bench *bench) {
    bench_close(bench);
    bench_open(bench);
    bench_start(bench);
}

/* Each `step`-th is found where it is: in either run, or in none yet; and those that were not stored nowhere. */
static void find_range(struct bench *bench, int from, int to, int step) {
    char id[32];
    for (; from < to; from += step) {
        snprintf(id, sizeof id, "evt_%d", from);
        assert_int_equal(store_find(bench->reader, bytes_of("cryptopay"), bytes_of(id)), from + 1 - from / BAD_EVERY);
    }
    snprintf(id, sizeof id, "evt_%d", BAD_EVERY - 1);
    assert_int_equal(store_find(bench->reader, bytes_of("cryptopay"), bytes_of(id)), 0);
}

static void test_runs(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    bench_start(bench);
    put_range(bench, 0, DEDUP_RUN_KEYS + 120, 1, STORE_ACCEPTED);
    put_range(bench, DEDUP_RUN_KEYS + 120, DEDUP_RUN_KEYS + 200, 1, STORE_ACCEPTED);
    int64_t pages = query_integer(bench, "SELECT count(*) FROM dedup");
    assert_in_range(pages, 1, DEDUP_RUN_PAGES - 1); /* the first run is in the making … */
    assert_int_equal(query_integer(bench, "SELECT count(*) FROM dedup_run"), 0);
    reopen(bench); /* … and begun again */
    put_range(bench, 0, DEDUP_RUN_KEYS + 200, 997, STORE_DUPLICATE);
    put_range(bench, DEDUP_RUN_KEYS + 200, EVENTS, 1, STORE_ACCEPTED);
    assert_int_equal(query_integer(bench, "SELECT count(*) FROM dedup_run"), 2);
    put_range(bench, 1, EVENTS, 499, STORE_DUPLICATE); /* hits no bad one: those were not stored */
    reopen(bench);
    put_range(bench, 3, EVENTS, 499, STORE_DUPLICATE);
    find_range(bench, 1, EVENTS, 4990);

    int stored = EVENTS - EVENTS / BAD_EVERY;
    assert_counts(bench, (struct store_counts){ .events = stored, .unrouted = stored });
    /* Every key is in a run or will be; and what went into the first run was taken out of dedup_recent. */
    assert_int_equal(
        query_integer(bench,
                      "SELECT ((SELECT sum(length(keys)) FROM dedup) + (SELECT sum(length(keys)) FROM dedup_recent "
                      "WHERE event > (SELECT max(last_event) FROM dedup_run))) / 32"),
        stored);
    assert_int_equal(
        query_integer(bench,
                      "SELECT count(*) FROM dedup_recent WHERE event <= (SELECT min(last_event) FROM dedup_run)"),
        0);
    bench_close(bench);
    assert_sound(bench);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_runs, bench_make, bench_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
