/* Writing a store anew: it holds the same and takes less room; refused while a daemon is there; and killed at any moment it
 * leaves the one or the other store, whole. */
#include "store_test.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

struct steps {
    int kill_at, give_up_at; /* from 1; 0: never */
    int count;
};

static bool steps_step(void *context, int64_t done_bytes, int64_t all_bytes) {
    struct steps *steps = context;
    steps->count++;
    if (steps->count == steps->kill_at) {
        raise(SIGKILL);
    }
    return steps->count != steps->give_up_at && done_bytes <= all_bytes;
}

enum { EVENTS = 400, KEPT = 40 };

/* A store of which most was deleted, and that was left with a log that is not empty. */
static void gaps_make(struct bench *bench) {
    bench_open(bench);
    bench_start(bench);
    for (int i = 0; i < EVENTS; i++) {
        char id[32], body[2048];
        snprintf(id, sizeof id, "evt_%d", i);
        memset(body, 'x', sizeof body);
        snprintf(body, sizeof body, "{\"id\":%d}", i);
        body[strlen(body)] = ' ';
        body[sizeof body - 1] = '\0';
        struct test_put test;
        put_make(bench, &test, id, body);
        store_put(bench->store, &test.put);
        assert_int_equal(put_wait(&test), STORE_ACCEPTED);
        event_release(test.put.event);
    }
    bench_close(bench);
    char text[256];
    snprintf(text, sizeof text,
             "DELETE FROM delivery WHERE event <= %d; DELETE FROM event WHERE number <= %d; "
             "UPDATE tally SET pending = %d WHERE plugin <> 0; UPDATE tally SET pending = %d WHERE plugin = 0",
             EVENTS - KEPT, EVENTS - KEPT, KEPT, KEPT);
    char path[128];
    sqlite3 *database;
    bench_path(bench, "grapnel.db", path);
    assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
    sqlite3_db_config(database, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    assert_int_equal(sqlite3_exec(database, text, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(database);
}

static void assert_kept(struct bench *bench) {
    struct store_delivery read[KEPT + 1];
    bench_open(bench);
    bench_start(bench);
    assert_counts(bench, (struct store_counts){ .events = KEPT, .pending = 2 * KEPT });
    int count = read_fresh(bench, bench->plugins[1], 0, read, KEPT + 1);
    for (int i = 0; i < count; i++) {
        assert_int_equal(read[i].event->number, EVENTS - KEPT + 1 + i);
        event_release(read[i].event);
    }
    assert_int_equal(count, KEPT);
    put_one(bench, "evt_1", STORE_CONFLICT); /* its event is deleted, its id is not forgotten, nor its body */
    assert_sound(bench);
    bench_close(bench);
}

static int64_t bytes_of_file(struct bench *bench, const char *name) {
    struct stat status;
    char path[128];
    bench_path(bench, name, path);
    return lstat(path, &status) == 0 ? status.st_size : -1;
}

/* A journal may be left if it was killed before it had written it: then it is empty of meaning, and SQLite leaves it. */
static void assert_no_leftover(struct bench *bench) {
    assert_int_equal(bytes_of_file(bench, "grapnel.db.compact"), -1);
}

static void test_smaller(void **state) {
    struct bench *bench = *state;
    struct fault fault = { "" };
    struct steps steps = { 0 };
    struct store_progress progress = { &steps, steps_step };
    int64_t saved = 0;
    gaps_make(bench);
    int64_t before = bytes_of_file(bench, "grapnel.db") + bytes_of_file(bench, "grapnel.db-wal");
    assert_true(bytes_of_file(bench, "grapnel.db-wal") > 0);
    if (!store_compact(bench->folder, &progress, &saved, &fault)) {
        fail_msg("%s", fault.text);
    }
    assert_true(steps.count >= 4);
    int64_t after = bytes_of_file(bench, "grapnel.db");
    assert_true(after < before / 2);
    assert_int_equal(saved, before - after);
    assert_int_equal(bytes_of_file(bench, "grapnel.db-wal"), -1);
    assert_int_equal(bytes_of_file(bench, "grapnel.db-shm"), -1);
    assert_int_equal(bytes_of_file(bench, "grapnel.db-journal"), -1);
    assert_no_leftover(bench);
    char path[128];
    struct stat status;
    bench_path(bench, "grapnel.db", path);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_kept(bench);
    /* Once more, without anything to win; and without anyone to tell. */
    assert_true(store_compact(bench->folder, NULL, &saved, &fault));
    assert_kept(bench);
}

static void test_refused_while_in_use(void **state) {
    struct bench *bench = *state;
    struct fault fault = { "" };
    int64_t saved;
    assert_false(store_compact("/nonexistent", NULL, &saved, &fault));
    assert_non_null(strstr(fault.text, "/nonexistent"));
    assert_false(store_compact(bench->folder, NULL, &saved, &fault));
    assert_non_null(strstr(fault.text, "no store"));
    bench_open(bench);
    assert_false(store_compact(bench->folder, NULL, &saved, &fault));
    assert_non_null(strstr(fault.text, "another grapnel already works on this state folder"));
    bench_close(bench);
    assert_no_leftover(bench);
}

/* Kills it at this step; false: it had fewer. */
static bool compact_killed(struct bench *bench, int kill_at, int give_up_at) {
    pid_t child = fork();
    if (child == 0) {
        struct steps steps = { .kill_at = kill_at, .give_up_at = give_up_at };
        struct store_progress progress = { &steps, steps_step };
        struct fault fault = { "" };
        int64_t saved;
        _exit(store_compact(bench->folder, &progress, &saved, &fault) ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) || WEXITSTATUS(status) != 0;
}

static void test_killed_at_each_step(void **state) {
    struct bench *bench = *state;
    gaps_make(bench);
    int steps = 0;
    while (compact_killed(bench, steps + 1, 0)) {
        steps++;
        assert_true(steps < 100);
        assert_kept(bench);
        assert_no_leftover(bench); /* the start removed it */
    }
    assert_true(steps >= 4);
    assert_kept(bench);
    for (int at = 1; at <= 4; at++) {
        assert_true(compact_killed(bench, 0, at));
        assert_no_leftover(bench);
        assert_kept(bench);
    }
}

/* Wherever it happens to be: at the beginning, at its end, and between. */
static void test_killed_at_any_moment(void **state) {
    struct bench *bench = *state;
    gaps_make(bench);
    int killed = 0, finished = 0;
    for (int i = 0; i < 24; i++) {
        pid_t child = fork();
        if (child == 0) {
            struct fault fault = { "" };
            int64_t saved;
            _exit(store_compact(bench->folder, NULL, &saved, &fault) ? 0 : 1);
        }
        struct timespec wait = { .tv_nsec = i * 600000L };
        nanosleep(&wait, NULL);
        kill(child, SIGKILL);
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
        killed += WIFSIGNALED(status);
        finished += WIFEXITED(status);
        assert_kept(bench);
        assert_no_leftover(bench);
    }
    print_message("killed %d times, finished %d times\n", killed, finished);
}

/* A reader of another program's, which would go on with the old file, is named. */
static void test_refused_while_it_is_read(void **state) {
    struct bench *bench = *state;
    gaps_make(bench);
    int ready[2], end[2];
    assert_int_equal(pipe2(ready, O_CLOEXEC) + pipe2(end, O_CLOEXEC), 0);
    pid_t child = fork();
    if (child == 0) {
        char byte;
        close(end[1]); /* so that this ends with its parent */
        query_integer(bench, "SELECT count(*) FROM event");
        char path[128];
        sqlite3 *database;
        bench_path(bench, "grapnel.db", path);
        sqlite3_open_v2(path, &database, SQLITE_OPEN_READONLY, NULL);
        int result = sqlite3_exec(database, "BEGIN; SELECT count(*) FROM event", NULL, NULL, NULL);
        _exit(result == SQLITE_OK && write(ready[1], "x", 1) == 1 && read(end[0], &byte, 1) == 0 ? 0 : 1);
    }
    char byte;
    struct fault fault = { "" };
    int64_t saved;
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_false(store_compact(bench->folder, NULL, &saved, &fault));
    assert_non_null(strstr(fault.text, "another program has it open"));
    close(end[1]);
    close(end[0]);
    close(ready[0]);
    close(ready[1]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_no_leftover(bench);
    assert_kept(bench);
}

#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, bench_make, bench_remove)

int main(void) {
    const struct CMUnitTest tests[] = {
        STORE_TEST(test_smaller),
        STORE_TEST(test_refused_while_in_use),
        STORE_TEST(test_killed_at_each_step),
        STORE_TEST(test_killed_at_any_moment),
        STORE_TEST(test_refused_while_it_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
