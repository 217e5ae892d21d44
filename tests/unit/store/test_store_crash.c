/* A process that is killed at any moment: what it answered is there, every delivery is open or in the journal, the file
 * is sound. */
#include <signal.h>
#include <sys/wait.h>

#include "store_test.h"

enum { ROUNDS = 12, THREADS = 8 };

struct child {
    struct bench *bench;
    int pipe, round;
};

/* Numbers of events whose put was answered, down the pipe; some are settled at once. */
static void *child_thread(void *argument) {
    struct child *child = argument;
    static _Atomic int next;
    for (;;) {
        struct test_put test;
        char id[32];
        snprintf(id, sizeof id, "evt_%d_%d", child->round, next++);
        put_make(child->bench, &test, id, "{\"some\":\"body\"}");
        store_put(child->bench->store, &test.put);
        if (put_wait(&test) != STORE_ACCEPTED) {
            _exit(3);
        }
        int64_t number = test.put.event->number;
        event_release(test.put.event);
        if (write(child->pipe, &number, sizeof number) != sizeof number) {
            _exit(4);
        }
        if (number % 2 == 0) {
            store_settle(child->bench->store, settle_make(number, child->bench->plugins[0], STORE_DONE, 1, ""));
        }
    }
    return NULL;
}

static void child_run(struct bench *bench, int pipe, int round) {
    struct child child = { bench, pipe, round };
    pthread_t threads[THREADS];
    bench_open(bench);
    bench_start(bench);
    for (int i = 0; i < THREADS; i++) {
        pthread_create(&threads[i], NULL, child_thread, &child);
    }
    pthread_join(threads[0], NULL);
    _exit(5);
}

/* Kills a child after `answers` answers; returns how many it gave in all, with the highest number. */
static int crash(struct bench *bench, int round, int answers, int64_t *highest) {
    int ends[2], count = 0;
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(ends[0]);
        child_run(bench, ends[1], round);
    }
    close(ends[1]);
    int64_t number;
    bool killed = false;
    while (read(ends[0], &number, sizeof number) == sizeof number) {
        *highest = number > *highest ? number : *highest;
        if (++count >= answers && !killed) {
            kill(pid, SIGKILL);
            killed = true;
        }
    }
    close(ends[0]);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    return count;
}

static void test_killed_at_any_moment(void **state) {
    struct bench *bench = *state;
    int answered = 0;
    int64_t highest = 0;
    unsigned seed = 7;
    for (int round = 0; round < ROUNDS; round++) {
        answered += crash(bench, round, 1 + rand_r(&seed) % 300, &highest);
        bench_open(bench);
        struct store_counts counts;
        assert_true(store_count(bench->reader, &counts));
        /* An event may be on disk whose answer was not heard, but not the other way round; and numbers have no gaps. */
        assert_true(counts.events >= answered);
        assert_true(counts.events >= highest);
        assert_int_equal(query_integer(bench, "SELECT max(number) - count(*) FROM event"), 0);
        for (int64_t event = 1; event <= counts.events; event++) {
            struct store_delivery open = { 0 };
            struct store_journal_entry story[4];
            int done = store_read_journal(bench->reader, event, story, 4);
            int count = read_fresh(bench, bench->plugins[0], event - 1, &open, 1);
            int waiting = count == 1 && open.event->number == event;
            assert_int_equal(done + waiting, 1);
            if (count == 1) {
                event_release(open.event);
            }
        }
        bench->last_number = counts.events;
        bench_close(bench);
        assert_sound(bench);
    }
}

/* After a failed fsync the log may hold frames that only the kernel's memory has, and that it takes for written. So what
 * a start finds in the log is brought into the database before a duplicate of it is answered with 200, or anything is
 * written behind it. */
static void test_nothing_is_built_on_an_old_log(void **state) {
    struct bench *bench = *state, alone = *bench;
    int64_t highest = 0;
    char command[256];
    int answered = crash(bench, 0, 100, &highest);
    snprintf(alone.folder, sizeof alone.folder, "%.50s/alone", bench->folder);
    bench_open(bench);
    /* By another process: to close the file in this one would drop SQLite's locks. */
    snprintf(command, sizeof command, "mkdir %s && cp %s/grapnel.db %s", alone.folder, bench->folder, alone.folder);
    assert_int_equal(system(command), 0);
    assert_true(query_integer(&alone, "SELECT count(*) FROM event") >= answered);
    snprintf(command, sizeof command, "rm -r %s", alone.folder);
    assert_int_equal(system(command), 0);
    bench_close(bench);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_killed_at_any_moment, bench_make, bench_remove),
        cmocka_unit_test_setup_teardown(test_nothing_is_built_on_an_old_log, bench_make, bench_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
