/* With a million deliveries, and by hand with many more: no call examines more than a bounded number of rows, whatever is
 * asked and however little there is to find; what SQLite counts while it runs proves it.
 *
 * By hand: test_reader_large FOLDER EVENTS BODY_SIZE fills the folder, which must be empty, unless there is a store already, and
 * shows how long each call takes. */
#include "store_large.h"

#include <sys/stat.h>

#include "base/clock.h"
#include "store/sqlite/reader.h"

enum {
    EVENTS = 500000,               /* a third done, so a million deliveries wait */
    STEPS_A_CALL = 50,             /* of SQLite's virtual machine, counted by so many at a time */
    STEP_LIMIT = 20 * READER_ROWS, /* of a call: a row takes about 10, some more */
};

struct large {
    struct bench bench;
    int64_t events;
    int body_size;
    bool show;
    /* Of the present call, and the worst of all. */
    int64_t steps, began_us, told, worst_steps, worst_us;
};

static int large_count(void *context) {
    struct large *large = context;
    large->steps += STEPS_A_CALL;
    return 0;
}

static void call_begin(struct large *large) {
    large->steps = 0;
    large->told = 0;
    large->began_us = clock_monotonic_us();
}

static void call_end(struct large *large, const char *what) {
    int64_t us = clock_monotonic_us() - large->began_us;
    large->worst_us = us > large->worst_us ? us : large->worst_us;
    large->worst_steps = large->steps > large->worst_steps ? large->steps : large->worst_steps;
    if (large->show) {
        printf("%-58s %8.2f ms %8lld steps %6lld told\n", what, (double)us / 1000, (long long)large->steps,
               (long long)large->told);
    }
    assert_int_equal(sqlite3_txn_state(large->bench.reader->database, NULL), SQLITE_TXN_NONE); /* or the log grows */
    if (large->steps > STEP_LIMIT) {
        fail_msg("%s: %lld steps", what, (long long)large->steps);
    }
}

static void tell_listed(void *context, const struct store_listed *listed) {
    struct large *large = context;
    (void)listed;
    large->told++;
}

static void tell_dead(void *context, const struct store_dead *dead) {
    struct large *large = context;
    (void)dead;
    large->told++;
}

/* All pages, or so many of them; how many events were told. */
static int64_t list(struct large *large, struct store_filter filter, bool ascending, int limit, int pages,
                    const char *what) {
    int64_t cursor = 0, told = 0;
    while (cursor >= 0 && pages-- > 0) {
        int64_t before = cursor;
        call_begin(large);
        assert_true(store_list_events(large->bench.reader, &filter, ascending, limit, &cursor, tell_listed, large));
        call_end(large, what);
        assert_true(cursor == -1 || before == 0 || (ascending ? cursor > before : cursor < before));
        told += large->told;
    }
    return told;
}

static int64_t list_dead(struct large *large, int plugin, bool open, int64_t until_ms, int limit, int pages,
                         const char *what) {
    struct store_cursor cursor = { 0 };
    int64_t told = 0;
    while (!cursor.over && pages-- > 0) {
        call_begin(large);
        assert_true(store_list_dead(large->bench.reader, plugin, open, until_ms, limit, &cursor, tell_dead, large));
        call_end(large, what);
        told += large->told;
    }
    return told;
}

/* Every kind of question, also those to which there is little or no answer. */
static void ask_lists(struct large *large) {
    int all = (int)(large->events / 100);
    int64_t done = large->events / 3, dead = done / LARGE_DEAD_EVERY, unrouted = (done - 1) / LARGE_UNROUTED_EVERY + 1;
    struct bytes rare = bytes_of("rare");
    struct store_filter any = { .state = -1 };
    assert_int_equal(list(large, any, false, 50, 1, "all, 50"), 50);
    assert_int_equal(list(large, any, false, 500, 1, "all, 500"), 500);
    assert_int_equal(list(large, any, true, 500, 1, "all, 500, the oldest first"), 500);
    assert_in_range(list(large, (struct store_filter){ .state = -1, .type = "*.7" }, false, 500, 1, "a type"), 100,
                    500);
    assert_int_equal(list(large, (struct store_filter){ .state = -1, .type = "no.*" }, false, 50, 3, "no such type"),
                     0);
    assert_int_equal(list(large, (struct store_filter){ .state = -1, .source = rare }, false, 50, all,
                          "the one event of a source, to the end"),
                     1);
    assert_int_equal(list(large, (struct store_filter){ .state = STORE_STATE_PENDING }, false, 50, 1, "pending"), 50);
    assert_int_equal(list(large, (struct store_filter){ .state = STORE_STATE_PENDING, .source = rare }, false, 50, 3,
                          "pending, none of them"),
                     0);
    assert_int_equal(list(large, (struct store_filter){ .state = STORE_STATE_RETRYING }, false, 500, 1, "retrying"),
                     500);
    assert_int_equal(list(large, (struct store_filter){ .state = STORE_STATE_RETRYING, .type = "no" }, true, 50, 3,
                          "retrying, none of them"),
                     0);
    assert_int_equal(list(large, (struct store_filter){ .state = STORE_STATE_DEAD }, false, 50, all, "dead"), dead);
    assert_int_equal(list(large, (struct store_filter){ .state = STORE_STATE_UNROUTED }, false, 50, all, "unrouted"),
                     unrouted);
    assert_int_equal(list(large, (struct store_filter){ .state = STORE_STATE_DONE }, true, 500, 1, "done, oldest"),
                     500);
    assert_int_equal(list(large, (struct store_filter){ .state = STORE_STATE_DISCARDED }, true, 50, 3, "discarded"), 0);
    struct store_filter late = { .state = STORE_STATE_DONE, .since_ms = large_first_ms + done - 99 };
    late.source = bytes_of("shop");
    int64_t dead_late = 0;
    for (int64_t event = done - 99; event <= done; event++) {
        dead_late += large_is_dead(event, large->events) || event % LARGE_UNROUTED_EVERY == 1;
    }
    assert_int_equal(list(large, late, false, 50, all, "done since, behind all that waits"), 100 - dead_late);
}

static void ask_letters(struct large *large) {
    int64_t done = large->events / 3, dead = done / LARGE_DEAD_EVERY;
    assert_int_equal(list_dead(large, 0, false, INT64_MAX, 500, 1000, "dead letters"), dead);
    assert_int_equal(list_dead(large, 1, false, INT64_MAX, 10, 1000, "dead letters of a plugin"), dead);
    assert_int_equal(list_dead(large, 2, false, INT64_MAX, 10, 1000, "dead letters of a plugin without"), 0);
    assert_int_equal(list_dead(large, 1, false, 1, 50, 1000, "dead letters before the first"), 0);
    assert_int_equal(list_dead(large, 3, true, INT64_MAX, 500, 1, "open deliveries of a plugin"), 500);
}

static void find(struct large *large, const char *source, int64_t event, const char *what) {
    char id[32];
    large_id(event, id);
    call_begin(large);
    int64_t found = store_find(large->bench.reader, bytes_of(source), bytes_of(id));
    call_end(large, what);
    assert_int_equal(found, event <= large->events ? event : 0);
}

static void ask_single(struct large *large) {
    struct store_reader *reader = large->bench.reader;
    struct store_tally tallies[8];
    struct store_totals totals;
    bool failed = true;
    find(large, "shop", large->events, "find the newest");
    find(large, "shop", large->events / 2, "find one in the middle");
    find(large, "rare", 1, "find the oldest");
    find(large, "shop", large->events + 1, "find none");
    call_begin(large);
    assert_int_equal(store_find_since(reader, large_first_ms + large->events / 2), large->events / 2);
    call_end(large, "find the first since");
    call_begin(large);
    assert_non_null(store_read_story(reader, 2, &failed));
    call_end(large, "story of one that is done");
    call_begin(large);
    assert_int_equal(store_read_tallies(reader, tallies, 8), LARGE_PLUGINS);
    call_end(large, "tallies");
    assert_int_equal(tallies[2].retrying, large->events - large->events / 3);
    call_begin(large);
    assert_true(store_read_totals(reader, &totals));
    call_end(large, "totals");
    assert_int_equal(totals.events, large->events);
    assert_int_equal(totals.oldest_ms, large_first_ms + 1);
    struct store_journal_entry entries[4];
    call_begin(large);
    assert_int_equal(store_read_journal(reader, 2, entries, 4), LARGE_PLUGINS);
    call_end(large, "journal of one");
}

static void large_open(struct large *large) {
    struct bench *bench = &large->bench;
    struct fault fault = { "" };
    struct stat status;
    char path[128];
    bench_path(bench, "grapnel.db", path);
    if (stat(path, &status) != 0) {
        bench->store = bench_try_open(bench, &fault);
        assert_non_null(bench->store);
        store_close(bench->store);
        large_make(bench, large->events, large->body_size);
    }
    bench->store = bench_try_open(bench, &fault);
    if (!bench->store) {
        fail_msg("%s", fault.text);
    }
    int64_t began_us = clock_monotonic_us();
    bench->reader = store_reader_open(bench->store, &fault);
    assert_non_null(bench->reader);
    if (large->show) {
        printf("%-58s %8.2f ms\n", "opening a reader", (double)(clock_monotonic_us() - began_us) / 1000);
    }
    sqlite3_progress_handler(bench->reader->database, STEPS_A_CALL, large_count, large);
}

static void large_ask(struct large *large) {
    large_open(large);
    ask_lists(large);
    ask_letters(large);
    ask_single(large);
    printf("%lld events: at most %lld steps and %.1f ms a call\n", (long long)large->events,
           (long long)large->worst_steps, (double)large->worst_us / 1000);
    bench_close(&large->bench);
}

static void test_a_million_deliveries(void **state) {
    struct large large = { .bench = *(struct bench *)*state, .events = EVENTS, .body_size = 20 };
    large_ask(&large);
    /* Dead letters of which none is asked for, among many. */
    bench_execute(&large.bench, "INSERT INTO dead SELECT 2, number, 10, 1, 0, 0, 0 FROM event WHERE number > 200000");
    large_open(&large);
    assert_int_equal(list_dead(&large, 2, false, 1, 50, 1000, "dead letters that died later"), 0);
    bench_close(&large.bench);
    /* Events of which deduplication knows nothing any more: only the oldest ones are looked through. */
    bench_execute(&large.bench, "DELETE FROM dedup; DELETE FROM dedup_run; DELETE FROM dedup_recent");
    large_open(&large);
    find(&large, "rare", 1, "find the oldest, which was forgotten");
    find(&large, "shop", large.events + 1, "find none, all being forgotten");
    bench_close(&large.bench);
}

int main(int count, char **arguments) {
    if (count == 4) {
        struct large large = { .events = strtoll(arguments[2], NULL, 10),
                               .body_size = (int)strtol(arguments[3], NULL, 10),
                               .show = true };
        snprintf(large.bench.folder, sizeof large.bench.folder, "%s", arguments[1]);
        large.bench.log = (struct log){ .level = LOG_LEVEL_WARN, .descriptor = 2 };
        pthread_mutex_init(&large.bench.mutex, NULL);
        pthread_cond_init(&large.bench.changed, NULL);
        large_ask(&large);
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_million_deliveries, bench_make, bench_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
