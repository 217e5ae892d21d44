/* What is old goes, what is held stays, what hangs on it goes with it, whatever the clock says and whenever the process
 * is killed. */
#include "retain_test.h"

#include <signal.h>
#include <sys/wait.h>

static const char events_text[] = "SELECT count(*) FROM event", letters_text[] = "SELECT count(*) FROM dead";

static void retain(struct bench *bench, struct store_retain settings) {
    store_set_retain(bench->store, &settings);
}

static void test_events(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    bench_start(bench);
    int64_t done = put_old(bench, "done", 2 * HOUR_MS, 2);
    int64_t held = put_old(bench, "held", 2 * HOUR_MS, 2);
    int64_t dead = put_old(bench, "dead", 2 * HOUR_MS, 2);
    put_old(bench, "received while the clock was wrong", -HOUR_MS, 0);
    put_old(bench, "unrouted", 2 * HOUR_MS, 0);
    int64_t young = put_old(bench, "young", 0, 1);
    settle_old(bench, done, 0, STORE_DONE, 0);
    settle_old(bench, done, 1, STORE_DONE, 0);
    settle_old(bench, held, 0, STORE_DONE, 0);
    settle_old(bench, dead, 0, STORE_DONE, 0);
    settle_old(bench, dead, 1, STORE_DEAD, 0);
    settle_old(bench, young, 0, STORE_DONE, 0);
    settled_wait(bench, 6);
    retain(bench, (struct store_retain){ .events_ms = HOUR_MS });
    query_wait(bench, events_text, 3);
    assert_counts(bench, (struct store_counts){ .events = 3, .pending = 1, .dead = 1 });
    assert_int_equal(query_integer(bench, "SELECT count(*) FROM attempt"), 1);
    assert_consistent(bench);

    settle_old(bench, held, 1, STORE_DONE, 0);
    settled_wait(bench, 7);
    retain(bench, (struct store_retain){ .events_ms = HOUR_MS });
    query_wait(bench, events_text, 2);
    assert_int_equal(query_integer(bench, "SELECT count(*) FROM event WHERE external_id = 'held'"), 0);
    retain(bench, (struct store_retain){ .events_ms = 1 });
    query_wait(bench, events_text, 1);
    assert_consistent(bench);
    struct store_journal_entry story[4];
    assert_int_equal(store_read_journal(bench->reader, dead, story, 4), 2); /* kept as long as its event */
    int64_t number;                                                         /* its id outlives an event: */
    assert_int_equal(put_at(bench, "done", clock_wall_ms(), 1, 8, &number), STORE_DUPLICATE);
    /* Numbers are not used again, even where nothing else knows of the newest event any more. */
    bench_close(bench);
    bench_execute(bench, "DELETE FROM dedup_recent");
    bench_open(bench);
    bench_start(bench);
    assert_int_equal(put_old(bench, "next", 0, 1), young + 1);
    bench_close(bench);
    assert_sound(bench);
}

/* It begins anew by itself, for those that were held when it passed them. */
static void test_sweep_begins_anew(void **state) {
    struct bench *bench = *state;
    bench->retain.events_ms = 1000;
    bench_open(bench);
    bench_start(bench);
    int64_t held = put_old(bench, "held", HOUR_MS, 1);
    put_old(bench, "behind", HOUR_MS, 0);
    query_wait(bench, events_text, 1);
    settle_old(bench, held, 0, STORE_DONE, 0);
    query_wait(bench, events_text, 0);
    assert_consistent(bench);
}

static void log_to_pipe(struct bench *bench, int ends[2]) {
    assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    bench->log = (struct log){ .level = LOG_LEVEL_INFO, .descriptor = ends[1] };
}

static void test_letters(void **state) {
    struct bench *bench = *state;
    static const char *const ids[] = { "all of it", "held", "too young to go", "died lately" };
    int64_t events[4];
    int log[2];
    char said[4096] = "";
    log_to_pipe(bench, log);
    bench_open(bench);
    bench_start(bench);
    for (int i = 0; i < 4; i++) {
        events[i] = put_old(bench, ids[i], i == 2 ? 0 : 3 * DAY_MS, 2);
        settle_old(bench, events[i], 0, STORE_DEAD, i == 3 ? 0 : 2 * DAY_MS);
        if (i != 1)
            settle_old(bench, events[i], 1, i == 0 ? STORE_DEAD : STORE_DONE, 2 * DAY_MS);
    }
    settled_wait(bench, 7);
    retain(bench, (struct store_retain){ .dead_ms = DAY_MS, .events_ms = HOUR_MS });
    query_wait(bench, letters_text, 1);
    query_wait(bench, events_text, 3);
    assert_counts(bench, (struct store_counts){ .events = 3, .pending = 1, .dead = 1 });
    assert_int_equal(query_integer(bench, "SELECT count(*) FROM event WHERE external_id = 'all of it'"), 0);
    for (int i = 1; i <= 2; i++) {
        struct store_journal_entry story[4];
        int count = store_read_journal(bench->reader, events[i], story, 4);
        assert_int_equal(count, i + 1);
        assert_int_equal(story[count - 1].entry, STORE_ENTRY_DISCARDED);
        assert_int_equal(story[count - 1].plugin, bench->plugins[0]);
    }
    assert_consistent(bench);
    bench_close(bench);
    assert_true(read(log[0], said, sizeof said - 1) > 0);
    char *line = strstr(said, "4 dead letters were deleted, as they were older than 1d");
    assert_non_null(line);
    assert_null(strstr(line + strlen("4 dead letters"), "dead letters"));
    close(log[0]);
    close(log[1]);
}

/* A wall clock that leaps ahead while the store runs makes nothing old: the store's own clock did not leap. */
static void test_clock_leaps(void **state) {
    struct bench *bench = *state;
    bench->wall_ms = clock_wall_ms() - 30LL * DAY_MS; /* so it showed, until it leapt */
    bench->retain = (struct store_retain){ .events_ms = 7LL * DAY_MS, .dead_ms = 7LL * DAY_MS };
    bench_open(bench);
    bench_start(bench);
    int64_t dead = put_old(bench, "dead", 30LL * DAY_MS, 1);
    settle_old(bench, dead, 0, STORE_DEAD, 30LL * DAY_MS);
    int64_t old = put_old(bench, "old", 38LL * DAY_MS, 0);
    put_old(bench, "young", 30LL * DAY_MS, 0);
    settled_wait(bench, 1);
    query_wait(bench, "SELECT count(*) FROM event WHERE external_id = 'old'", 0);
    assert_int_equal(old, 2);
    assert_counts(bench, (struct store_counts){ .events = 2, .dead = 1, .unrouted = 1 });
    assert_consistent(bench);
}

/* --- killed at any moment --- */

enum { ROUNDS = 6, THREADS = 8 };

struct child {
    struct bench *bench;
    int pipe, round;
};

static void *child_thread(void *argument) {
    struct child *child = argument;
    static _Atomic int next;
    for (;;) {
        char id[32];
        int which = next++;
        snprintf(id, sizeof id, "evt_%d_%d", child->round, which);
        int64_t number = put_old(child->bench, id, DAY_MS, which % 3);
        for (int plugin = 0; plugin < which % 3; plugin++)
            settle_old(child->bench, number, plugin, which % 5 == 0 ? STORE_DEAD : STORE_DONE, which % 2 * DAY_MS);
        if (write(child->pipe, &number, sizeof number) != sizeof number)
            _exit(4);
    }
    return NULL;
}

static void child_run(struct bench *bench, int pipe, int round) {
    struct child child = { bench, pipe, round };
    pthread_t threads[THREADS];
    bench->retain = (struct store_retain){ .events_ms = 1, .dead_ms = 1, .ids_ms = 1 };
    bench_open(bench);
    bench_start(bench);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, child_thread, &child);
    pthread_join(threads[0], NULL);
    _exit(5);
}

/* Kills a child after `answers` answers; returns the highest number that was answered. */
static int64_t crash(struct bench *bench, int round, int answers) {
    int ends[2], status, count = 0;
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(ends[0]);
        child_run(bench, ends[1], round);
    }
    close(ends[1]);
    int64_t number, highest = 0;
    while (read(ends[0], &number, sizeof number) == sizeof number) {
        highest = number > highest ? number : highest;
        if (++count == answers)
            kill(pid, SIGKILL);
    }
    close(ends[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    return highest;
}

static void test_killed_at_any_moment(void **state) {
    struct bench *bench = *state;
    int64_t highest = 0, kept = 0;
    unsigned seed = 11;
    for (int round = 0; round < ROUNDS; round++) {
        int64_t reached = crash(bench, round, 100 + rand_r(&seed) % 400);
        assert_true(reached > highest); /* even if all events were deleted */
        highest = reached;
        bench_open(bench);
        assert_consistent(bench);
        bench->last_number = highest;
        kept = query_integer(bench, events_text);
        bench_close(bench);
        assert_sound(bench);
    }
    assert_true(kept < highest); /* it did delete some */
}

#define RETAIN_TEST(name) cmocka_unit_test_setup_teardown(name, bench_make, bench_remove)

int main(void) {
    const struct CMUnitTest tests[] = {
        RETAIN_TEST(test_events),      RETAIN_TEST(test_sweep_begins_anew),    RETAIN_TEST(test_letters),
        RETAIN_TEST(test_clock_leaps), RETAIN_TEST(test_killed_at_any_moment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
