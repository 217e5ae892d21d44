/* Many threads at once, many of them with the same events: each event is stored once, each put answered once. Run under
 * tsan too. */
#include "store_test.h"

enum { THREADS = 64, PUTS = 200, IDS = THREADS * PUTS / 4 };

struct thread {
    pthread_t thread;
    struct bench *bench;
    unsigned seed;
    int accepted, duplicates, other, answered_twice;
};

static _Atomic int accepted_of[IDS]; /* how often each id was said to be new */

static void *thread_run(void *argument) {
    struct thread *thread = argument;
    for (int i = 0; i < PUTS; i++) {
        struct test_put test;
        char id[32];
        int which = rand_r(&thread->seed) % IDS;
        snprintf(id, sizeof id, "evt_%d", which);
        put_make(thread->bench, &test, id, "{}");
        store_put(thread->bench->store, &test.put);
        enum store_result result = put_wait(&test);
        if (result == STORE_ACCEPTED) {
            thread->accepted++;
            accepted_of[which]++;
            struct store_settle *both =
                settle_make(test.put.event->number, thread->bench->plugins[0], STORE_DONE, 1, "");
            both->next = settle_make(test.put.event->number, thread->bench->plugins[1], STORE_DONE, 1, "");
            store_settle(thread->bench->store, both);
        } else if (result == STORE_DUPLICATE) {
            thread->duplicates++;
        } else {
            thread->other++;
        }
        thread->answered_twice += test.answers != 1;
        event_release(test.put.event);
    }
    return NULL;
}

static void test_each_event_once(void **state) {
    struct bench *bench = *state;
    static struct thread threads[THREADS];
    bench_open(bench);
    bench_start(bench);
    for (int i = 0; i < THREADS; i++) {
        threads[i] = (struct thread){ .bench = bench, .seed = (unsigned)i + 1 };
        assert_int_equal(pthread_create(&threads[i].thread, NULL, thread_run, &threads[i]), 0);
    }
    int accepted = 0, duplicates = 0, ids = 0;
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i].thread, NULL);
        accepted += threads[i].accepted;
        duplicates += threads[i].duplicates;
        assert_int_equal(threads[i].other, 0);
        assert_int_equal(threads[i].answered_twice, 0);
    }
    assert_int_equal(accepted + duplicates, THREADS * PUTS);
    for (int i = 0; i < IDS; i++) {
        assert_in_range(accepted_of[i], 0, 1);
        ids += accepted_of[i];
    }
    assert_int_equal(ids, accepted);
    settled_wait(bench, 2 * accepted);
    assert_counts(bench, (struct store_counts){ .events = accepted });
    pthread_mutex_lock(&bench->mutex);
    assert_false(bench->disorder);
    assert_int_equal(bench->last_number, accepted);
    assert_int_equal(bench->accepted, accepted);
    pthread_mutex_unlock(&bench->mutex);
    for (int64_t event = 1; event <= accepted; event++) {
        struct store_journal_entry story[4];
        assert_int_equal(store_read_journal(bench->reader, event, story, 4), 2);
        assert_int_equal(story[0].plugin, bench->plugins[0]);
        assert_int_equal(story[1].plugin, bench->plugins[1]);
    }
    bench_close(bench);
    assert_sound(bench);
    assert_int_equal(query_integer(bench, "SELECT count(DISTINCT external_id) FROM event"), accepted);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_each_event_once, bench_make, bench_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
