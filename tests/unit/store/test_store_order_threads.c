/* Orders from many threads, while the deliveries that they put back are settled again, and events come in; and a process
 * that is killed in the midst of it. */
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "store_test.h"

enum { EVENTS = 40, OPERATORS = 4, ROUNDS = 40, CRASHES = 8 };

struct shared {
    struct bench *bench;
    struct store_target targets[EVENTS];
    _Atomic int put_back, dropped, replayed; /* as the answers said */
    _Atomic int working;
    int pipe;
};

struct operation {
    struct shared *shared;
    pthread_t thread;
    unsigned seed;
};

/* Everything, again and again, in all ways. */
static void *operate(void *argument) {
    struct operation *operation = argument;
    struct shared *shared = operation->shared;
    for (int round = 0; round < ROUNDS; round++) {
        int way = rand_r(&operation->seed) % 4;
        enum store_order_kind kind = way == 3 ? STORE_ORDER_DISCARD : way == 2 ? STORE_ORDER_REPLAY : STORE_ORDER_RETRY;
        int changed = order_run(shared->bench, kind, shared->targets, EVENTS);
        atomic_fetch_add(kind == STORE_ORDER_RETRY    ? &shared->put_back
                         : kind == STORE_ORDER_REPLAY ? &shared->replayed
                                                      : &shared->dropped,
                         changed < 0 ? 1 << 20 : changed);
        sched_yield();
    }
    atomic_fetch_sub(&shared->working, 1);
    return NULL;
}

/* What a pool would do: reads what is due, fails at it for good, and waits until that is on disk. */
static void *fail_all(void *argument) {
    struct shared *shared = argument;
    struct bench *bench = shared->bench;
    struct fault fault;
    struct store_reader *reader = store_reader_open(bench->store, &fault);
    while (atomic_load(&shared->working) > 0) {
        struct store_delivery read[EVENTS + 1];
        struct test_reading reading = { .read = read, .limit = EVENTS + 1 };
        struct store_taker taker = { .context = &reading, .take = reading_take };
        store_read_due(reader, bench->plugins[0], store_clock_ms(bench->store), &taker);
        pthread_mutex_lock(&bench->mutex);
        int before = bench->settled;
        pthread_mutex_unlock(&bench->mutex);
        for (int i = 0; i < reading.count; i++) {
            store_settle(bench->store,
                         settle_make(read[i].event->number, bench->plugins[0], STORE_DEAD, read[i].attempts + 1, "no"));
            event_release(read[i].event);
        }
        settled_wait(bench, before + reading.count);
    }
    store_reader_close(reader);
    return NULL;
}

static int journal_count(struct bench *bench, enum store_entry entry) {
    struct store_journal_entry story[4096];
    int found = 0;
    for (int64_t event = 1; event <= EVENTS; event++) {
        int count = store_read_journal(bench->reader, event, story, 4096);
        for (int i = 0; i < count; i++) {
            found += story[i].entry == entry;
        }
    }
    return found;
}

static void test_orders_meet_outcomes(void **state) {
    struct bench *bench = *state;
    struct shared shared = { .bench = bench, .working = OPERATORS };
    struct operation operators[OPERATORS];
    pthread_t failing;
    bench_open(bench);
    bench_start(bench);
    for (int i = 0; i < EVENTS; i++) {
        char id[32];
        snprintf(id, sizeof id, "evt_%d", i);
        shared.targets[i] = (struct store_target){ put_one(bench, id, STORE_ACCEPTED), bench->plugins[0] };
        settle_wait(bench, settle_make(shared.targets[i].event, bench->plugins[0], STORE_DEAD, 1, "no"));
    }
    for (int i = 0; i < OPERATORS; i++) {
        operators[i] = (struct operation){ .shared = &shared, .seed = (unsigned)i };
        pthread_create(&operators[i].thread, NULL, operate, &operators[i]);
    }
    pthread_create(&failing, NULL, fail_all, &shared);
    for (int i = 0; i < 200; i++) { /* events go on coming */
        char id[32];
        snprintf(id, sizeof id, "more_%d", i);
        put_one(bench, id, STORE_ACCEPTED);
    }
    for (int i = 0; i < OPERATORS; i++) {
        pthread_join(operators[i].thread, NULL);
    }
    pthread_join(failing, NULL);
    assert_tallied(bench);
    assert_true(shared.put_back > EVENTS && shared.replayed > 0 && shared.dropped > 0);
    assert_int_equal(journal_count(bench, STORE_ENTRY_RETRIED), shared.put_back);
    assert_int_equal(journal_count(bench, STORE_ENTRY_REPLAYED), shared.replayed);
    assert_int_equal(journal_count(bench, STORE_ENTRY_DISCARDED), shared.dropped);
    assert_int_equal(bench->given_up_count, 0);
}

/* Events die and are put back; those whose order was answered go down the pipe. */
static void *child_thread(void *argument) {
    struct shared *shared = argument;
    struct bench *bench = shared->bench;
    static _Atomic int next;
    for (;;) {
        struct test_put test;
        char id[32];
        snprintf(id, sizeof id, "evt_%d_%d", getpid(), next++);
        put_make(bench, &test, id, "{\"some\":\"body\"}");
        store_put(bench->store, &test.put);
        if (put_wait(&test) != STORE_ACCEPTED) {
            _exit(3);
        }
        int64_t number = test.put.event->number;
        event_release(test.put.event);
        store_settle(bench->store, settle_make(number, bench->plugins[0], STORE_DEAD, 1, "no"));
        while (order_one(bench, STORE_ORDER_RETRY, number, bench->plugins[0]) == 0) {
            sched_yield(); /* not yet dead */
        }
        if (write(shared->pipe, &number, sizeof number) != sizeof number) {
            _exit(4);
        }
    }
    return NULL;
}

static void child_run(struct bench *bench, int pipe) {
    struct shared shared = { .bench = bench, .pipe = pipe };
    pthread_t threads[OPERATORS];
    bench_open(bench);
    bench_start(bench);
    for (int i = 0; i < OPERATORS; i++) {
        pthread_create(&threads[i], NULL, child_thread, &shared);
    }
    pthread_join(threads[0], NULL);
    _exit(5);
}

/* Kills a child after so many answers; fills in the numbers that it gave, at most limit. */
static int crash(struct bench *bench, int answers, int64_t *numbers, int limit) {
    int ends[2], count = 0, status;
    int64_t number;
    bool killed = false;
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(ends[0]);
        child_run(bench, ends[1]);
    }
    close(ends[1]);
    while (read(ends[0], &number, sizeof number) == sizeof number) {
        numbers[count < limit ? count : limit - 1] = number;
        if (++count >= answers && !killed) {
            kill(pid, SIGKILL);
            killed = true;
        }
    }
    close(ends[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    return count < limit ? count : limit;
}

/* What was answered is on disk, and the tallies still fit. */
static void test_killed_at_any_moment(void **state) {
    struct bench *bench = *state;
    int64_t numbers[256];
    unsigned seed = 11;
    for (int round = 0; round < CRASHES; round++) {
        int count = crash(bench, 1 + rand_r(&seed) % 60, numbers, 256);
        bench_open(bench);
        assert_tallied(bench);
        for (int i = 0; i < count; i++) {
            struct store_journal_entry story[4];
            struct store_delivery open;
            assert_int_equal(store_read_journal(bench->reader, numbers[i], story, 4), 2);
            assert_int_equal(story[0].entry, STORE_ENTRY_DEAD);
            assert_int_equal(story[1].entry, STORE_ENTRY_RETRIED);
            char query[128];
            snprintf(query, sizeof query, "SELECT count(*) FROM delivery WHERE event = %lld AND plugin = %d",
                     (long long)numbers[i], bench->plugins[0]);
            assert_int_equal(query_integer(bench, query), 1);
            assert_int_equal(read_due(bench, bench->plugins[0], store_clock_ms(bench->store), &open, 1), 1);
            event_release(open.event);
        }
        bench_close(bench);
        assert_sound(bench);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_orders_meet_outcomes, bench_make, bench_remove),
        cmocka_unit_test_setup_teardown(test_killed_at_any_moment, bench_make, bench_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
