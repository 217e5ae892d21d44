/* The tallies say what is there after whatever happened: random work in random groups, with items that the database
 * refuses, and a start in between. */
#include "store_test.h"

enum { ROUNDS = 60, PLUGINS = 2, EVENTS = 400 };

/* What the test knows of the deliveries: their outcomes must fit, as a pool's do. */
struct model {
    unsigned seed;
    int64_t last;
    int attempts[EVENTS + 1][PLUGINS]; /* -1: not open */
};

static int draw(struct model *model, int below) {
    return rand_r(&model->seed) % below;
}

/* Put while nothing runs, so that they are one group. */
static void put_some(struct bench *bench, struct model *model, struct test_put puts[4], int count) {
    static int id;
    for (int i = 0; i < count; i++) {
        char text[32];
        snprintf(text, sizeof text, "evt_%d", draw(model, 8) == 0 ? id : ++id); /* sometimes one comes again */
        put_make(bench, &puts[i], text, "{}");
        puts[i].put.plugin_count = draw(model, 3);
        store_put(bench->store, &puts[i].put);
    }
}

static void put_end(struct model *model, struct test_put puts[4], int count) {
    for (int i = 0; i < count; i++) {
        if (put_wait(&puts[i]) == STORE_ACCEPTED) {
            model->last = puts[i].put.event->number;
            for (int plugin = 0; plugin < PLUGINS; plugin++) {
                model->attempts[model->last][plugin] = plugin < puts[i].put.plugin_count ? 0 : -1;
            }
        }
        event_release(puts[i].put.event);
    }
}

/* An outcome, mostly of an open delivery. */
static struct store_settle *draw_settle(struct bench *bench, struct model *model) {
    int64_t event = 1 + draw(model, (int)model->last);
    int plugin = draw(model, PLUGINS), *attempts = &model->attempts[event][plugin];
    enum store_settlement settlement = (enum store_settlement)draw(model, 3);
    struct store_settle *settle =
        settle_make(event, bench->plugins[plugin], settlement, *attempts < 0 ? 1 : *attempts + 1, "why");
    bool refused = event % 10 == 7 && settlement == STORE_DEAD; /* see the trigger */
    if (*attempts >= 0 && !refused) {
        *attempts = settlement == STORE_LATER ? *attempts + 1 : -1;
    }
    return settle;
}

static int settle_some(struct bench *bench, struct model *model) {
    struct store_settle *first = NULL, **end = &first;
    int count = 1 + draw(model, 6);
    for (int i = 0; i < count; i++) {
        *end = draw_settle(bench, model);
        end = &(*end)->next;
    }
    store_settle(bench->store, first);
    return count;
}

static void order_some(struct bench *bench, struct model *model) {
    struct store_target targets[16];
    enum store_order_kind kind = (enum store_order_kind)draw(model, STORE_ORDER_REPLAY + 1);
    int count = 1 + draw(model, 16);
    for (int i = 0; i < count; i++) {
        targets[i] = (struct store_target){ 1 + draw(model, (int)model->last), bench->plugins[draw(model, PLUGINS)] };
    }
    order_run(bench, kind, targets, count);
    for (int64_t event = 1; event <= model->last; event++) {
        for (int plugin = 0; plugin < PLUGINS; plugin++) {
            char query[128];
            snprintf(query, sizeof query,
                     "SELECT coalesce(max(attempts), -1) FROM delivery WHERE event = %lld AND plugin = %d",
                     (long long)event, bench->plugins[plugin]);
            model->attempts[event][plugin] = (int)query_integer(bench, query);
        }
    }
}

static void free_given_up(struct bench *bench) {
    for (int i = 0; i < bench->given_up_count; i++) {
        free(bench->given_up[i]);
    }
    bench->given_up_count = 0;
}

/* They equal what a scan counts, and are what people are told. */
static void assert_told(struct bench *bench) {
    struct store_counts counts;
    struct store_totals totals;
    struct store_tally tallies[PLUGINS + 1];
    assert_tallied(bench);
    assert_true(store_count(bench->reader, &counts));
    assert_int_equal(store_read_tallies(bench->reader, tallies, PLUGINS + 1), PLUGINS);
    assert_true(store_read_totals(bench->reader, &totals));
    assert_int_equal(tallies[0].pending + tallies[1].pending, counts.pending);
    assert_int_equal(tallies[0].retrying + tallies[1].retrying, counts.retrying);
    assert_int_equal(tallies[0].dead + tallies[1].dead, counts.dead);
    assert_int_equal(totals.events, counts.events);
    assert_int_equal(totals.unrouted, counts.unrouted);
}

static void test_random_work(void **state) {
    struct bench *bench = *state;
    struct model model = { .seed = 5 };
    struct test_put puts[4];
    bench_open(bench);
    bench_close(bench);
    /* Items that fail in the middle of a group, after others of it were counted. */
    bench_execute(bench,
                  "CREATE TRIGGER no_event BEFORE INSERT ON delivery WHEN new.event % 9 = 4 AND new.plugin = 2 AND "
                  "new.due_ms = 0 AND random() % 2 = 0 BEGIN SELECT RAISE(ABORT, 'no'); END;"
                  "CREATE TRIGGER no_letter BEFORE INSERT ON dead WHEN new.event % 10 = 7 "
                  "BEGIN SELECT RAISE(ABORT, 'no'); END;"
                  "CREATE TRIGGER no_replay BEFORE INSERT ON delivery WHEN new.event % 12 = 5 AND new.due_ms > 0 "
                  "BEGIN SELECT RAISE(ABORT, 'no'); END;");
    for (int round = 0; round < ROUNDS; round++) {
        bench_open(bench);
        int settled = bench->settled, count = draw(&model, 5);
        put_some(bench, &model, puts, count);
        if (model.last > 0) {
            settled += settle_some(bench, &model); /* in the group of these puts */
        }
        bench_start(bench);
        put_end(&model, puts, count);
        settled_wait(bench, settled);
        assert_told(bench);
        if (model.last > 0) {
            order_some(bench, &model);
            assert_told(bench);
        }
        free_given_up(bench);
        bench_close(bench);
    }
    assert_true(model.last > 40);
    assert_int_equal(bench->broken, 0);
    assert_true(query_integer(bench, "SELECT count(*) FROM dead") > 0);
    assert_true(query_integer(bench, "SELECT count(*) FROM delivery WHERE attempts > 0") > 0);
    assert_true(query_integer(bench, "SELECT max(replay) FROM delivery") > 0);
}

/* A pool that counts otherwise than the store does not put it out. */
static void test_attempts_of_another_count(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    bench_start(bench);
    int64_t event = put_one(bench, "evt_1", STORE_ACCEPTED);
    settle_wait(bench, settle_make(event, bench->plugins[0], STORE_DONE, 7, ""));
    settle_wait(bench, settle_make(event, bench->plugins[1], STORE_LATER, 3, "later"));
    settle_wait(bench, settle_make(event, bench->plugins[1], STORE_LATER, 0, "as if never"));
    assert_counts(bench, (struct store_counts){ .events = 1, .pending = 1 });
    assert_tallied(bench);
    settle_wait(bench, settle_make(event, bench->plugins[1], STORE_LATER, 2, "later"));
    settle_wait(bench, settle_make(event, bench->plugins[1], STORE_DONE, 1, ""));
    assert_counts(bench, (struct store_counts){ .events = 1 });
    assert_tallied(bench);
}

/* A put for a plugin that the store never numbered is refused, not kept where nobody finds it. */
static void test_unknown_plugin(void **state) {
    struct bench *bench = *state;
    struct test_put test;
    int unknown = 99;
    bench_open(bench);
    bench_start(bench);
    put_make(bench, &test, "evt_1", "{}");
    test.put.plugins = &unknown;
    test.put.plugin_count = 1;
    store_put(bench->store, &test.put);
    assert_int_equal(put_wait(&test), STORE_UNAVAILABLE);
    event_release(test.put.event);
    put_one(bench, "evt_1", STORE_ACCEPTED);
    assert_counts(bench, (struct store_counts){ .events = 1, .pending = 2 });
    assert_tallied(bench);
}

#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, bench_make, bench_remove)

int main(void) {
    const struct CMUnitTest tests[] = {
        STORE_TEST(test_random_work),
        STORE_TEST(test_attempts_of_another_count),
        STORE_TEST(test_unknown_plugin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
