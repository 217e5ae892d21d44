/* What people see of events in all states: lists, dead letters and stories, page by page, through the writing side. */
#include "store_test.h"

/* What a list told, as one line an event: "NUMBER state plugin:state plugin:state". */
struct told {
    char lines[64][256];
    int count;
};

static void told_listed(void *context, const struct store_listed *listed) {
    struct told *told = context;
    assert_true(told->count < 64);
    char *line = told->lines[told->count++];
    int length = snprintf(line, sizeof told->lines[0], "%.*s %s", (int)listed->id.length, listed->id.data,
                          store_state_text(listed->state));
    for (int i = 0; i < listed->standing_count; i++) {
        length += snprintf(line + length, sizeof told->lines[0] - (size_t)length, " %s:%s",
                           listed->standings[i].plugin_name, store_state_text(listed->standings[i].state));
    }
}

/* Lists all pages of so many, and compares. */
static void assert_listed(struct bench *bench, const struct store_filter *filter, bool ascending, int limit,
                          const char *const *expected, int count) {
    struct told told = { .count = 0 };
    int64_t cursor = 0;
    for (int pages = 0; cursor >= 0; pages++) {
        assert_true(pages < 64);
        int before = told.count;
        assert_true(store_list_events(bench->reader, filter, ascending, limit, &cursor, told_listed, &told));
        assert_true(told.count - before <= limit);
    }
    for (int i = 0; i < told.count && i < count; i++) {
        assert_string_equal(told.lines[i], expected[ascending ? count - 1 - i : i]);
    }
    assert_int_equal(told.count, count);
}

#define ASSERT_LISTED(bench, filter, ...)                                                                              \
    do {                                                                                                               \
        const char *const lines[] = { NULL, ##__VA_ARGS__ };                                                           \
        int count = (int)(sizeof lines / sizeof *lines) - 1;                                                           \
        for (int limit = 1; limit < 10; limit += 4) {                                                                  \
            assert_listed(bench, filter, false, limit, lines + 1, count);                                              \
            assert_listed(bench, filter, true, limit, lines + 1, count);                                               \
        }                                                                                                              \
    } while (0)

/* An event of its own type and time, to so many plugins. */
static int64_t put_typed(struct bench *bench, const char *source, const char *id, const char *type, int64_t received_ms,
                         int plugin_count) {
    struct test_put test;
    put_make(bench, &test, id, "{\"id\":1}");
    event_release(test.put.event);
    test.put.event = event_make(received_ms, bytes_of(source), bytes_of(id), bytes_of(type), bytes_of("a: b\n"),
                                bytes_of("{\"id\":1}"));
    event_digest(test.put.event->source, test.put.event->id, test.put.digest);
    test.put.plugin_count = plugin_count;
    test.put.secret = 2;
    store_put(bench->store, &test.put);
    assert_int_equal(put_wait(&test), STORE_ACCEPTED);
    int64_t number = test.put.event->number;
    event_release(test.put.event);
    return number;
}

static void settle(struct bench *bench, int64_t event, int plugin, enum store_settlement settlement, int attempts,
                   const char *detail) {
    struct store_settle *made = settle_make(event, bench->plugins[plugin], settlement, attempts, detail);
    made->outcome = settlement == STORE_DONE ? STORE_OUTCOME_OK : STORE_OUTCOME_RETRY;
    made->reason = STORE_REASON_GIVE_UP;
    pthread_mutex_lock(&bench->mutex);
    int before = bench->settled;
    pthread_mutex_unlock(&bench->mutex);
    store_settle(bench->store, made);
    settled_wait(bench, before + 1);
}

static void order(struct bench *bench, enum store_order_kind kind, int64_t event, int plugin) {
    assert_int_equal(order_one(bench, kind, event, bench->plugins[plugin]), 1);
}

/* One of each; made once for several tests. Plugin 0 is logging, 1 is email. */
struct states {
    int64_t pending, retrying, dead, done, discarded, unrouted, replayed, retried;
};

static struct states states_make(struct bench *bench) {
    bench_open(bench);
    bench_start(bench);
    struct states made;
    made.pending = put_typed(bench, "shop", "pending", "payment.made", 1000, 2);
    made.retrying = put_typed(bench, "shop", "retrying", "payment.failed", 2000, 2);
    settle(bench, made.retrying, 0, STORE_DONE, 1, "");
    settle(bench, made.retrying, 1, STORE_LATER, 3, "connection refused");
    made.dead = put_typed(bench, "shop", "dead", "payment.made", 3000, 2);
    settle(bench, made.dead, 0, STORE_LATER, 1, "soon");
    settle(bench, made.dead, 1, STORE_DEAD, 20, "no such mailbox");
    made.done = put_typed(bench, "bank", "done", "invoice.paid", 4000, 2);
    settle(bench, made.done, 0, STORE_LATER, 1, "not now");
    settle(bench, made.done, 0, STORE_DONE, 2, "");
    settle(bench, made.done, 1, STORE_DONE, 1, "");
    made.discarded = put_typed(bench, "shop", "discarded", "payment.made", 5000, 2);
    settle(bench, made.discarded, 0, STORE_DONE, 1, "");
    settle(bench, made.discarded, 1, STORE_DEAD, 2, "never");
    order(bench, STORE_ORDER_DISCARD, made.discarded, 1);
    made.unrouted = put_typed(bench, "bank", "unrouted", "invoice.void", 6000, 0);
    made.replayed = put_typed(bench, "bank", "replayed", "invoice.paid", 7000, 1);
    settle(bench, made.replayed, 0, STORE_DONE, 1, "");
    order(bench, STORE_ORDER_REPLAY, made.replayed, 0);
    settle(bench, made.replayed, 0, STORE_DONE, 1, "");
    made.retried = put_typed(bench, "shop", "retried", "payment.made", 8000, 2);
    settle(bench, made.retried, 0, STORE_DONE, 1, "");
    settle(bench, made.retried, 1, STORE_DEAD, 4, "down");
    order(bench, STORE_ORDER_RETRY, made.retried, 1);
    return made;
}

#define PENDING   "pending pending logging:pending email:pending"
#define RETRYING  "retrying retrying logging:done email:retrying"
#define DEAD      "dead dead logging:retrying email:dead"
#define DONE      "done done logging:done email:done"
#define DISCARDED "discarded discarded logging:done email:discarded"
#define UNROUTED  "unrouted unrouted"
#define REPLAYED  "replayed done logging:done"
#define RETRIED   "retried pending logging:done email:pending"

static void test_lists_by_state(void **state) {
    struct bench *bench = *state;
    states_make(bench);
    struct store_filter filter = { .state = -1 };
    ASSERT_LISTED(bench, &filter, RETRIED, REPLAYED, UNROUTED, DISCARDED, DONE, DEAD, RETRYING, PENDING);
    filter.state = STORE_STATE_PENDING;
    ASSERT_LISTED(bench, &filter, RETRIED, PENDING);
    filter.state = STORE_STATE_RETRYING;
    ASSERT_LISTED(bench, &filter, DEAD, RETRYING);
    filter.state = STORE_STATE_DEAD;
    ASSERT_LISTED(bench, &filter, DEAD);
    filter.state = STORE_STATE_DONE;
    ASSERT_LISTED(bench, &filter, REPLAYED, DONE);
    filter.state = STORE_STATE_DISCARDED;
    ASSERT_LISTED(bench, &filter, DISCARDED);
    filter.state = STORE_STATE_UNROUTED;
    ASSERT_LISTED(bench, &filter, UNROUTED);
}

static void test_lists_with_filters(void **state) {
    struct bench *bench = *state;
    states_make(bench);
    struct store_filter filter = { .state = -1, .source = bytes_of("bank") };
    ASSERT_LISTED(bench, &filter, REPLAYED, UNROUTED, DONE);
    filter.type = "*.paid";
    ASSERT_LISTED(bench, &filter, REPLAYED, DONE);
    filter.since_ms = 4001;
    ASSERT_LISTED(bench, &filter, REPLAYED);
    filter = (struct store_filter){ .state = STORE_STATE_DEAD, .source = bytes_of("bank") };
    ASSERT_LISTED(bench, &filter);
    filter = (struct store_filter){ .state = STORE_STATE_PENDING, .type = "payment.*", .since_ms = 1001 };
    ASSERT_LISTED(bench, &filter, RETRIED);
    filter = (struct store_filter){ .state = STORE_STATE_DONE, .source = bytes_of("bank"), .since_ms = 4000 };
    ASSERT_LISTED(bench, &filter, REPLAYED, DONE);
    filter = (struct store_filter){ .state = -1, .source = bytes_of("nobody") };
    ASSERT_LISTED(bench, &filter);
    filter = (struct store_filter){ .state = -1, .type = "nothing" };
    ASSERT_LISTED(bench, &filter);
    filter = (struct store_filter){ .state = -1, .since_ms = 9000 };
    ASSERT_LISTED(bench, &filter);
    filter.since_ms = 7500;
    ASSERT_LISTED(bench, &filter, RETRIED);
    /* The wall clock was set back: what came then is no later for having a higher number. */
    put_typed(bench, "shop", "early", "payment.made", 100, 0);
    ASSERT_LISTED(bench, &filter, RETRIED);
    filter.since_ms = 50;
    filter.source = bytes_of("bank");
    ASSERT_LISTED(bench, &filter, REPLAYED, UNROUTED, DONE);
}

static void test_found_by_id_and_time(void **state) {
    struct bench *bench = *state;
    struct states made = states_make(bench);
    assert_int_equal(store_find(bench->reader, bytes_of("shop"), bytes_of("dead")), made.dead);
    assert_int_equal(store_find(bench->reader, bytes_of("bank"), bytes_of("unrouted")), made.unrouted);
    assert_int_equal(store_find(bench->reader, bytes_of("bank"), bytes_of("dead")), 0);
    assert_int_equal(store_find(bench->reader, bytes_of("nobody"), bytes_of("dead")), 0);
    assert_int_equal(store_find_since(bench->reader, 0), made.pending);
    assert_int_equal(store_find_since(bench->reader, 3000), made.dead);
    assert_int_equal(store_find_since(bench->reader, 3001), made.done);
    assert_int_equal(store_find_since(bench->reader, 8001), INT64_MAX);
    /* An id is remembered for longer than its event is kept. */
    bench_close(bench);
    bench_execute(bench, "DELETE FROM event WHERE number = 1");
    bench_open(bench);
    assert_int_equal(store_find(bench->reader, bytes_of("shop"), bytes_of("pending")), 0);
    /* What deduplication forgot is found as well, while it is among the oldest. */
    bench_close(bench);
    bench_execute(bench, "DELETE FROM dedup_recent");
    bench_open(bench);
    assert_int_equal(store_find(bench->reader, bytes_of("shop"), bytes_of("dead")), made.dead);
    assert_int_equal(store_find(bench->reader, bytes_of("shop"), bytes_of("done")), 0);
}

/* An empty store has nothing to tell, and says so. */
static void test_empty(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    struct store_filter filter = { .state = -1 };
    for (filter.state = -1; filter.state < STORE_STATES; filter.state++) {
        ASSERT_LISTED(bench, &filter);
    }
    struct store_cursor cursor = { 0 };
    struct store_totals totals;
    struct store_tally tallies[4];
    bool failed = true;
    assert_true(store_list_dead(bench->reader, 0, false, INT64_MAX, 10, &cursor, NULL, NULL));
    assert_true(cursor.over);
    assert_null(store_read_story(bench->reader, 1, &failed));
    assert_false(failed);
    assert_int_equal(store_find(bench->reader, bytes_of("shop"), bytes_of("x")), 0);
    assert_int_equal(store_find_since(bench->reader, 0), INT64_MAX);
    assert_true(store_read_totals(bench->reader, &totals));
    assert_int_equal(totals.events + totals.unrouted + totals.oldest_ms, 0);
    assert_true(totals.bytes > 0);
    assert_int_equal(store_read_tallies(bench->reader, tallies, 4), 2);
    assert_string_equal(tallies[0].name, "logging");
    assert_string_equal(tallies[1].name, "email");
    assert_int_equal(tallies[1].plugin, bench->plugins[1]);
}

static void told_dead(void *context, const struct store_dead *dead) {
    struct told *told = context;
    assert_true(told->count < 64);
    const struct store_standing *standing = dead->standing;
    snprintf(told->lines[told->count++], sizeof told->lines[0], "%s/%s %s %s %d %d \"%.99s\"", dead->source.data,
             dead->id.data, standing->plugin_name, store_state_text(standing->state), standing->attempts,
             standing->replay, standing->error);
}

static void assert_dead(struct bench *bench, int plugin, bool open, int64_t until_ms, const char *const *expected,
                        int count) {
    for (int limit = 1; limit < 10; limit += 4) {
        struct told told = { .count = 0 };
        struct store_cursor cursor = { 0 };
        while (!cursor.over) {
            assert_true(store_list_dead(bench->reader, plugin, open, until_ms, limit, &cursor, told_dead, &told));
        }
        for (int i = 0; i < told.count && i < count; i++) {
            assert_string_equal(told.lines[i], expected[i]);
        }
        assert_int_equal(told.count, count);
    }
}

static void test_dead_letters(void **state) {
    struct bench *bench = *state;
    struct states made = states_make(bench);
    settle(bench, made.dead, 0, STORE_DEAD, 7, "worse");
    settle(bench, made.retrying, 1, STORE_DEAD, 4, "connection refused");
    static const char *const all[] = { "shop/dead email dead 20 0 \"no such mailbox\"",
                                       "shop/dead logging dead 7 0 \"worse\"",
                                       "shop/retrying email dead 4 0 \"connection refused\"" };
    static const char *const of_email[] = { "shop/dead email dead 20 0 \"no such mailbox\"",
                                            "shop/retrying email dead 4 0 \"connection refused\"" };
    static const char *const open[] = { "shop/retried email pending 0 0 \"\"", "shop/pending email pending 0 0 \"\"" };
    assert_dead(bench, 0, false, INT64_MAX, all, 3);
    assert_dead(bench, bench->plugins[1], false, INT64_MAX, of_email, 2);
    assert_dead(bench, bench->plugins[1], true, INT64_MAX, open, 2);
    /* settle_make: at 1700000001000 + attempts. */
    assert_dead(bench, 0, false, 1700000001007, all + 1, 2);
    assert_dead(bench, 0, false, 1, NULL, 0);
    assert_dead(bench, 99, false, INT64_MAX, NULL, 0);
}

static void test_story(void **state) {
    struct bench *bench = *state;
    struct states made = states_make(bench);
    bool failed = true;
    const struct store_story *story = store_read_story(bench->reader, made.done, &failed);
    assert_false(failed);
    assert_non_null(story);
    assert_int_equal(story->listed.secret, 2);
    assert_int_equal(story->listed.size, 8);
    assert_int_equal(story->listed.received_ms, 4000);
    assert_true(bytes_equal_text(story->event->headers, "a: b\n"));
    assert_true(bytes_equal_text(story->event->body, "{\"id\":1}"));
    assert_true(bytes_equal_text(story->event->type, "invoice.paid"));
    assert_int_equal(story->event->number, made.done);
    assert_int_equal(story->attempt_count, 1);
    assert_string_equal(story->attempts[0].detail, "not now");
    assert_int_equal(story->attempts[0].attempt, 1);
    assert_int_equal(story->attempts[0].outcome, STORE_OUTCOME_RETRY);
    assert_int_equal(story->attempts[0].plugin, bench->plugins[0]);
    assert_int_equal(story->journal_count, 2);
    assert_int_equal(story->journal[0].plugin, bench->plugins[0]);
    assert_int_equal(story->journal[0].attempts, 2);
    assert_int_equal(story->journal[1].plugin, bench->plugins[1]);
    assert_int_equal(story->listed.standing_count, 2);
    assert_int_equal(story->listed.standings[0].attempts, 2);
    assert_int_equal(story->listed.standings[0].duration_us, 1500);
    assert_string_equal(story->listed.standings[0].error, ""); /* it is over, and well */
    story = store_read_story(bench->reader, made.retried, &failed);
    static const enum store_entry entries[] = { STORE_ENTRY_DONE, STORE_ENTRY_DEAD, STORE_ENTRY_RETRIED };
    assert_int_equal(story->journal_count, 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(story->journal[i].entry, entries[i]);
    }
    story = store_read_story(bench->reader, made.replayed, &failed);
    assert_int_equal(story->listed.standings[0].replay, 1);
    assert_int_equal(story->journal_count, 3);
    story = store_read_story(bench->reader, made.dead, &failed);
    assert_int_equal(story->listed.standings[1].reason, STORE_REASON_GIVE_UP);
    assert_string_equal(story->listed.standings[1].error, "no such mailbox");
    assert_string_equal(story->listed.standings[0].error, "soon");
    assert_int_equal(story->listed.standings[0].at_ms, 1700000001001);
    assert_int_equal(story->attempt_count, 2);
    assert_null(store_read_story(bench->reader, 999, &failed));
    assert_false(failed);
}

/* The tallies agree with what a count finds. */
static void test_tallies(void **state) {
    struct bench *bench = *state;
    states_make(bench);
    struct store_tally tallies[2];
    struct store_totals totals;
    assert_counts(bench, (struct store_counts){ .events = 8, .pending = 3, .retrying = 2, .dead = 1, .unrouted = 1 });
    assert_int_equal(store_read_tallies(bench->reader, tallies, 2), 2);
    assert_int_equal(store_read_tallies(bench->reader, tallies, 1), 1);
    assert_int_equal(tallies[0].pending + tallies[1].pending, 3);
    assert_int_equal(tallies[0].retrying, 1);
    assert_int_equal(tallies[1].retrying, 1);
    assert_int_equal(tallies[1].dead, 1);
    assert_true(store_read_totals(bench->reader, &totals));
    assert_int_equal(totals.events, 8);
    assert_int_equal(totals.unrouted, 1);
    assert_int_equal(totals.oldest_ms, 1000);
}

/* What is damaged is told as an error, and the next question is answered. */
static void test_damage(void **state) {
    struct bench *bench = *state;
    struct states made = states_make(bench);
    struct store_filter filter = { .state = -1 };
    struct store_journal_entry entries[4];
    struct told told = { .count = 0 };
    int64_t cursor = 0;
    bool failed = false;
    bench_close(bench);
    bench_execute(bench, "CREATE TABLE saved AS SELECT * FROM journal; UPDATE journal SET entries = x'01'");
    bench_open(bench);
    assert_false(store_list_events(bench->reader, &filter, false, 9, &cursor, told_listed, &told));
    assert_null(store_read_story(bench->reader, made.done, &failed));
    assert_true(failed);
    assert_int_equal(store_read_journal(bench->reader, made.done, entries, 4), -1);
    assert_int_equal(store_find(bench->reader, bytes_of("bank"), bytes_of("done")), made.done);
    bench_execute(bench, "REPLACE INTO journal SELECT * FROM saved");
    assert_int_equal(store_read_journal(bench->reader, made.done, entries, 4), 2);
    assert_non_null(store_read_story(bench->reader, made.done, &failed));
    cursor = told.count = 0;
    assert_true(store_list_events(bench->reader, &filter, false, 9, &cursor, told_listed, &told));
    assert_int_equal(told.count, 8);
}

#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, bench_make, bench_remove)

int main(void) {
    const struct CMUnitTest tests[] = {
        STORE_TEST(test_lists_by_state),
        STORE_TEST(test_lists_with_filters),
        STORE_TEST(test_found_by_id_and_time),
        STORE_TEST(test_empty),
        STORE_TEST(test_dead_letters),
        STORE_TEST(test_story),
        STORE_TEST(test_tallies),
        STORE_TEST(test_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
