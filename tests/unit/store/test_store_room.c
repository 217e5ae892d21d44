/* Limits of room: of the store itself, of its file system, of its log. What frees room goes on while events are refused,
 * it is said why, and they are accepted again without anyone doing anything. */
#include "retain_test.h"

#include <sys/stat.h>

#include "store/sqlite/engine.h"

enum { MIB = 1024 * 1024, BODY = 64 * 1024 };

static _Atomic int64_t system_all, system_free; /* what the file system claims */
static _Atomic int looks;                       /* how often it was asked */

static int system_look(const char *folder, struct statvfs *status) {
    looks++;
    *status = (struct statvfs){ .f_frsize = 4096,
                                .f_blocks = (fsblkcnt_t)system_all / 4096,
                                .f_bavail = (fsblkcnt_t)system_free / 4096 };
    return 0;
}

static void open_with_system(struct bench *bench, int64_t all, int64_t free) {
    system_all = all;
    system_free = free;
    bench_open(bench);
    bench->store->room.look = system_look;
}

static void looks_wait(int more) {
    int64_t until_ms = clock_monotonic_ms() + 60000;
    for (int before = looks; looks < before + more; usleep(1000))
        assert_true(clock_monotonic_ms() < until_ms);
}

/* Until it refuses events for a reason with these words, or (null) no longer refuses any. */
static struct store_health refusal_wait(struct bench *bench, const char *words) {
    struct store_health health;
    int64_t until_ms = clock_monotonic_ms() + 60000;
    do {
        usleep(1000);
        store_health(bench->store, &health);
        if (clock_monotonic_ms() > until_ms)
            fail_msg("not refusing with \"%s\", but with \"%s\"", words ? words : "", health.why);
    } while (words ? !strstr(health.why, words) : health.refusing);
    assert_int_equal(health.refusing, words != NULL);
    return health;
}

static int64_t file_size(struct bench *bench, const char *name) {
    char path[128];
    struct stat status;
    bench_path(bench, name, path);
    assert_int_equal(stat(path, &status), 0);
    return status.st_size;
}

static int64_t put_large(struct bench *bench, int which, int plugin_count, enum store_result *result) {
    char id[32];
    int64_t number;
    snprintf(id, sizeof id, "evt_%d", which);
    *result = put_at(bench, id, clock_wall_ms(), plugin_count, BODY, &number);
    return number;
}

static void log_to_pipe(struct bench *bench, int ends[2]) {
    assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    bench->log = (struct log){ .level = LOG_LEVEL_INFO, .descriptor = ends[1] };
}

static int lines_with(const char *text, const char *words) {
    int count = 0;
    while ((text = strstr(text, words))) {
        text += strlen(words);
        count++;
    }
    return count;
}

/* Above the limit the oldest done events go before their time; none is refused for it, and the file stays small. */
static void test_done_events_go_before_their_time(void **state) {
    struct bench *bench = *state;
    enum { LIMIT = 24 * MIB, EVENTS = 4 * LIMIT / BODY };
    int log[2];
    char said[8192] = "";
    log_to_pipe(bench, log);
    bench->retain = (struct store_retain){ .events_ms = DAY_MS, .disk_bytes = LIMIT };
    bench_open(bench);
    bench_start(bench);
    enum store_result result;
    int64_t held = put_large(bench, -1, 1, &result);
    for (int i = 0; i < EVENTS; i++) {
        int64_t number = put_large(bench, i, 1, &result);
        assert_int_equal(result, STORE_ACCEPTED);
        settle_old(bench, number, 0, STORE_DONE, 0);
    }
    settled_wait(bench, EVENTS);
    int64_t kept = query_integer(bench, "SELECT count(*) FROM event");
    assert_in_range(kept, LIMIT / 2 / BODY, LIMIT / BODY);
    /* The newest are kept, and what is held. */
    assert_int_equal(query_integer(bench, "SELECT max(number) - min(number) + 1 FROM event WHERE number > 1"),
                     kept - 1);
    assert_int_equal(query_integer(bench, "SELECT max(number) FROM event"), EVENTS + 1);
    assert_int_equal(query_integer(bench, "SELECT min(number) FROM event"), held);
    assert_true(file_size(bench, "grapnel.db") < LIMIT + 8 * MIB);
    assert_consistent(bench);
    bench_close(bench);
    assert_true(read(log[0], said, sizeof said - 1) > 0);
    assert_int_equal(lines_with(said, "were deleted before their time"), 1); /* once a minute */
    assert_int_equal(lines_with(said, "refused"), 0);
    assert_sound(bench);
    close(log[0]);
    close(log[1]);
}

/* When nothing can go, events are refused, until deliveries are done. */
static void test_all_is_held(void **state) {
    struct bench *bench = *state;
    enum { LIMIT = 24 * MIB };
    int count = 0;
    enum store_result result = STORE_ACCEPTED;
    bench->retain.disk_bytes = LIMIT;
    bench_open(bench);
    bench_start(bench);
    while (result == STORE_ACCEPTED && count < 3 * LIMIT / BODY)
        count += put_large(bench, count, 1, &result) > 0;
    assert_int_equal(result, STORE_UNAVAILABLE);
    assert_in_range(count, LIMIT / BODY / 2, 3 * LIMIT / BODY / 2);
    assert_false(refusal_wait(bench, "`retain: disk` allows 24MiB: all events in it wait for their plugins").broken);
    assert_counts(bench, (struct store_counts){ .events = count, .pending = count });

    /* Orders too are carried out: see store_order. Here: outcomes. */
    for (int i = 1; i <= count; i++)
        settle_old(bench, i, 0, i % 4 == 0 ? STORE_DEAD : STORE_DONE, 0);
    settled_wait(bench, count);
    refusal_wait(bench, NULL);
    put_large(bench, count, 1, &result);
    assert_int_equal(result, STORE_ACCEPTED);
    assert_int_equal(query_integer(bench, "SELECT count(*) FROM dead"), count / 4);
    assert_consistent(bench);
}

/* A file system that fills up: refused before it is full, once, and some way below that it is accepted again. */
static void test_file_system_is_nearly_full(void **state) {
    struct bench *bench = *state;
    int log[2];
    char said[8192] = "";
    log_to_pipe(bench, log);
    open_with_system(bench, 100LL * 1024 * MIB, 600LL * MIB);
    bench_start(bench);
    int64_t event = put_one(bench, "first", STORE_ACCEPTED);
    system_free = 500LL * MIB; /* of 512 that are to stay free */
    refusal_wait(bench, "only 500MiB left, and 512MiB are to stay free");
    put_one(bench, "second", STORE_UNAVAILABLE);
    put_one(bench, "first", STORE_UNAVAILABLE);
    store_settle(bench->store, settle_make(event, bench->plugins[0], STORE_DONE, 1, ""));
    settled_wait(bench, 1);
    system_free = 540LL * MIB; /* not yet enough */
    looks_wait(2);
    put_one(bench, "second", STORE_UNAVAILABLE);
    system_free = 600LL * MIB;
    refusal_wait(bench, NULL);
    put_one(bench, "second", STORE_ACCEPTED);
    bench_close(bench);
    assert_true(read(log[0], said, sizeof said - 1) > 0);
    assert_int_equal(lines_with(said, "refused from now on"), 1);
    assert_int_equal(lines_with(said, "there is room again"), 1);
    close(log[0]);
    close(log[1]);
}

/* Small file systems keep a twentieth free, and 16 MiB at least; what is empty in the file counts, as it never shrinks. */
static void test_share_of_the_file_system(void **state) {
    struct bench *bench = *state;
    open_with_system(bench, 2000LL * MIB, 110LL * MIB);
    bench_start(bench);
    put_one(bench, "1", STORE_ACCEPTED);
    system_free = 90LL * MIB;
    refusal_wait(bench, "and 100MiB are to stay free");
    system_all = 200LL * MIB; /* of which a twentieth would be 10 */
    refusal_wait(bench, NULL);
    system_free = 15LL * MIB;
    refusal_wait(bench, "and 16MiB are to stay free");
    system_free = 20LL * MIB;
    refusal_wait(bench, NULL);

    enum store_result result;
    for (int i = 0; i < 40 * MIB / BODY; i++)
        put_large(bench, i, 0, &result);
    store_set_retain(bench->store, &(struct store_retain){ .events_ms = 1 });
    query_wait(bench, "SELECT count(*) FROM unrouted", 0);
    system_all = 2000LL * MIB;
    system_free = 90LL * MIB;
    put_one(bench, "2", STORE_ACCEPTED);
    query_wait(bench, "SELECT freelist_count > 9000 FROM pragma_freelist_count", 1);
    bench_close(bench);

    open_with_system(bench, 2000LL * MIB, 90LL * MIB);
    bench->last_number = query_integer(bench, "SELECT value FROM meta WHERE key = 'highest_event'");
    bench_start(bench);
    put_one(bench, "3", STORE_ACCEPTED);
    system_all = 200LL * MIB;
    system_free = 5LL * MIB; /* for the log there must be some outside of it */
    refusal_wait(bench, "only 5MiB left, and 16MiB are to stay free");
}

/* A reader that holds on to the log: refused when it has grown too far, accepted when it is gone. */
static void test_log_grows(void **state) {
    struct bench *bench = *state;
    char path[128];
    sqlite3 *reader;
    bench_open(bench);
    bench->store->room.log_most = 8 * MIB;
    bench_start(bench);
    bench_path(bench, "grapnel.db", path);
    put_one(bench, "first", STORE_ACCEPTED);
    assert_int_equal(sqlite3_open_v2(path, &reader, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(reader, "BEGIN; SELECT count(*) FROM event", NULL, NULL, NULL), SQLITE_OK);
    enum store_result result = STORE_ACCEPTED;
    int count = 0;
    while (result == STORE_ACCEPTED && count < 32 * MIB / BODY)
        count += put_large(bench, count, 0, &result) > 0;
    assert_int_equal(result, STORE_UNAVAILABLE);
    refusal_wait(bench, "look for a backup or sqlite3 shell that is still open");
    assert_true(file_size(bench, "grapnel.db-wal") < 16 * MIB);
    sqlite3_close(reader);
    refusal_wait(bench, NULL); /* by itself: nothing else is written */
    put_large(bench, count, 0, &result);
    assert_int_equal(result, STORE_ACCEPTED);
}

/* What is old can wait while a reader holds on to the log: deleting it would make that longer. */
static void test_log_is_held(void **state) {
    struct bench *bench = *state;
    enum { EVENTS = 80 * MIB / BODY };
    char path[128];
    sqlite3 *reader;
    enum store_result result;
    open_with_system(bench, 1024LL * 1024 * MIB, 512LL * 1024 * MIB);
    bench_start(bench);
    bench_path(bench, "grapnel.db", path);
    assert_int_equal(sqlite3_open_v2(path, &reader, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(reader, "BEGIN; SELECT count(*) FROM event", NULL, NULL, NULL), SQLITE_OK);
    for (int i = 0; i < EVENTS; i++)
        put_large(bench, i, 0, &result);
    store_set_retain(bench->store, &(struct store_retain){ .events_ms = 1 });
    looks_wait(3);
    assert_int_equal(query_integer(bench, "SELECT count(*) FROM event"), EVENTS);
    sqlite3_close(reader);
    query_wait(bench, "SELECT count(*) FROM event", 0);
    assert_consistent(bench);
}

#define ROOM_TEST(name) cmocka_unit_test_setup_teardown(name, bench_make, bench_remove)

int main(void) {
    const struct CMUnitTest tests[] = {
        ROOM_TEST(test_done_events_go_before_their_time),
        ROOM_TEST(test_all_is_held),
        ROOM_TEST(test_file_system_is_nearly_full),
        ROOM_TEST(test_share_of_the_file_system),
        ROOM_TEST(test_log_grows),
        ROOM_TEST(test_log_is_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
