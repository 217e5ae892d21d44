/* Disks that are full, files that are damaged, others who hold locks, what the database refuses: nothing is lost, nothing
 * is claimed, and it is said what to do. */
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "store_test.h"

static void file_limit(rlim_t bytes) {
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* A limit of file size stands in for a full disk: puts are refused, reading goes on, outcomes are kept until there is
 * room again. */
static void test_no_room(void **state) {
    struct bench *bench = *state;
    char path[128], id[32];
    struct stat log;
    signal(SIGXFSZ, SIG_IGN);
    bench_open(bench);
    bench_start(bench);
    int64_t event = put_one(bench, "evt_first", STORE_ACCEPTED);
    bench_path(bench, "grapnel.db-wal", path);
    assert_int_equal(stat(path, &log), 0);
    file_limit((rlim_t)log.st_size + 256 * 1024);
    int stored = 1, refused = 0;
    for (int i = 0; i < 200 && refused < 3; i++) {
        struct test_put test;
        snprintf(id, sizeof id, "evt_%d", i);
        put_make(bench, &test, id, "{}");
        store_put(bench->store, &test.put);
        enum store_result result = put_wait(&test);
        assert_int_not_equal(result, STORE_DUPLICATE);
        stored += result == STORE_ACCEPTED;
        refused += result == STORE_UNAVAILABLE;
        event_release(test.put.event);
    }
    assert_int_equal(refused, 3);
    assert_int_equal(bench->broken, 0);
    assert_counts(bench, (struct store_counts){ .events = stored, .pending = 2 * stored });
    store_settle(bench->store, settle_make(event, bench->plugins[0], STORE_DONE, 1, ""));
    put_one(bench, "evt_more", STORE_UNAVAILABLE);

    file_limit(RLIM_INFINITY);
    settled_wait(bench, 1); /* by itself, without another put */
    assert_int_equal(put_one(bench, "evt_more", STORE_ACCEPTED), stored + 1);
    assert_counts(bench, (struct store_counts){ .events = stored + 1, .pending = 2 * stored + 1 });
    assert_false(bench->disorder);
    bench_close(bench);
    assert_sound(bench);
}

/* Another process: told by a byte through `told`, holds the write lock until that is closed; says so through `held`. */
static void lock_hold(struct bench *bench, int held, int told) {
    char path[128], byte = 'x';
    sqlite3 *foreign;
    bench_path(bench, "grapnel.db", path);
    bool locked = read(told, &byte, 1) == 1 && sqlite3_open(path, &foreign) == SQLITE_OK &&
                  sqlite3_db_config(foreign, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL) == SQLITE_OK &&
                  sqlite3_exec(foreign, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK;
    _exit(!locked || write(held, &byte, 1) != 1 || read(told, &byte, 1) != 0);
}

/* Another program that holds the write lock makes puts fail once the patience is over, is named, and harms nothing. */
static void test_foreign_lock(void **state) {
    struct bench *bench = *state;
    char byte, expected[64], said[4096] = "";
    int held[2], told[2], log[2], status;
    assert_int_equal(pipe2(log, O_CLOEXEC | O_NONBLOCK), 0);
    bench->log = (struct log){ .level = LOG_LEVEL_WARN, .descriptor = log[1] };
    assert_int_equal(pipe(held), 0);
    assert_int_equal(pipe(told), 0);
    pid_t pid = fork(); /* before SQLite is used, which does not outlive a fork */
    if (pid == 0) {
        close(told[1]);
        lock_hold(bench, held[1], told[0]);
    }
    close(held[1]);
    bench_open(bench);
    bench_start(bench);
    int64_t event = put_one(bench, "evt_1", STORE_ACCEPTED);
    assert_int_equal(write(told[1], "x", 1), 1);
    assert_int_equal(read(held[0], &byte, 1), 1);
    store_settle(bench->store, settle_make(event, bench->plugins[0], STORE_DONE, 1, ""));
    put_one(bench, "evt_2", STORE_UNAVAILABLE);
    assert_int_equal(bench->settled, 0);
    assert_true(read(log[0], said, sizeof said - 1) > 0);
    snprintf(expected, sizeof expected, "process %d keeps the write lock", (int)pid);
    assert_non_null(strstr(said, expected));

    close(told[1]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    settled_wait(bench, 1);
    assert_int_equal(put_one(bench, "evt_2", STORE_ACCEPTED), 2);
    assert_int_equal(bench->broken, 0);
    bench_close(bench);
    close(told[0]);
    close(held[0]);
    close(log[0]);
    close(log[1]);
}

/* Damage that is met while running ends it: said once, everything refused, nothing written any more. */
static void test_damage_breaks_the_store(void **state) {
    struct bench *bench = *state;
    char path[128];
    static const char garbage[4096] = { [0 ... 4095] = 'x' };
    bench_open(bench);
    bench_start(bench);
    put_one(bench, "evt_1", STORE_ACCEPTED);
    bench_close(bench);
    int64_t page = query_integer(bench, "SELECT rootpage FROM sqlite_schema WHERE name = 'delivery'");
    bench_path(bench, "grapnel.db", path);
    int file = open(path, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(file, garbage, sizeof garbage, (page - 1) * 4096), sizeof garbage);
    close(file);

    bench_open(bench);
    bench_start(bench);
    put_one(bench, "evt_2", STORE_UNAVAILABLE);
    put_one(bench, "evt_3", STORE_UNAVAILABLE);
    store_settle(bench->store, settle_make(1, bench->plugins[0], STORE_DONE, 1, ""));
    bench_close(bench);
    assert_int_equal(bench->broken, 1);
    assert_int_equal(bench->settled, 0);
    assert_non_null(strstr(bench->why, "malformed"));
    assert_int_equal(query_integer(bench, "SELECT count(*) FROM event"), 1);
}

/* An outcome that the database refuses counts in its place and comes back; those around it are written, and it can be
 * settled once more. */
static void test_settle_is_given_up(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    bench_close(bench);
    bench_execute(bench, "CREATE TRIGGER refusal BEFORE DELETE ON delivery WHEN old.event = 2 AND old.plugin = 1 "
                         "BEGIN SELECT RAISE(ABORT, 'no'); END");
    bench_open(bench);
    assert_int_equal(bench->plugins[0], 1);
    bench_start(bench);
    for (int i = 1; i <= 3; i++) {
        char id[32];
        snprintf(id, sizeof id, "evt_%d", i);
        assert_int_equal(put_one(bench, id, STORE_ACCEPTED), i);
    }
    struct store_settle *settles[] = {
        settle_make(1, bench->plugins[0], STORE_DONE, 1, ""), settle_make(2, bench->plugins[0], STORE_DONE, 1, ""),
        settle_make(2, bench->plugins[1], STORE_DEAD, 1, ""), settle_make(2, bench->plugins[0], STORE_DEAD, 2, ""),
        settle_make(3, bench->plugins[0], STORE_DONE, 1, ""),
    };
    for (int i = 0; i < 4; i++) {
        settles[i]->next = settles[i + 1];
    }
    store_settle(bench->store, settles[0]);
    settled_wait(bench, 5);
    assert_counts(bench, (struct store_counts){ .events = 3, .pending = 3, .dead = 1 });
    assert_int_equal(bench->given_up_count, 2);
    assert_ptr_equal(bench->given_up[0], settles[1]);
    assert_ptr_equal(bench->given_up[1], settles[3]);

    bench->given_up_count = 0;
    settles[1]->next = NULL;
    store_settle(bench->store, settles[1]); /* alone: told as well */
    settled_wait(bench, 6);
    assert_int_equal(bench->given_up_count, 1);
    bench_close(bench);
    bench_execute(bench, "DROP TRIGGER refusal");
    bench_open(bench);
    bench_start(bench);
    settles[1]->next = settles[3];
    settles[3]->next = NULL;
    bench->given_up_count = 0;
    store_settle(bench->store, settles[1]);
    settled_wait(bench, 8);
    assert_int_equal(bench->given_up_count, 0);
    assert_counts(bench, (struct store_counts){ .events = 3, .pending = 2, .dead = 1 });
}

#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, bench_make, bench_remove)

int main(void) {
    const struct CMUnitTest tests[] = {
        STORE_TEST(test_no_room),
        STORE_TEST(test_foreign_lock),
        STORE_TEST(test_damage_breaks_the_store),
        STORE_TEST(test_settle_is_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
