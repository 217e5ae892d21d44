/* Ids that were accepted long ago are forgotten, run by run, but never while an event of the run is there. */
#include "retain_test.h"

#include "store/sqlite/engine.h"

/* A run of one id, as if so many others had come with it, made at that time. */
static void run_make(struct bench *bench, int64_t number, int64_t last_event, int64_t made_ms, const char *id) {
    char path[128];
    unsigned char digest[EVENT_DIGEST_SIZE];
    static unsigned char filter[DEDUP_FILTER_SIZE];
    struct buffer page = { 0 };
    sqlite3 *database;
    sqlite3_stmt *add;
    event_digest(bytes_of("cryptopay"), bytes_of(id), digest);
    struct digest_entry entry = digest_entry_of(digest, last_event, 1);
    dedup_pack(&page, &entry);
    memset(filter, 0, sizeof filter);
    dedup_filter_add(filter, &entry);
    bench_path(bench, "grapnel.db", path);
    assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(database, "INSERT INTO dedup (page, keys) VALUES (?1, ?2)", -1, &add, NULL),
                     SQLITE_OK);
    for (int i = 0; i < DEDUP_RUN_PAGES; i++) {
        sqlite3_bind_int64(add, 1, number * DEDUP_RUN_PAGES + i);
        sqlite3_bind_blob64(add, 2, page.data, page.length, SQLITE_STATIC);
        assert_int_equal(sqlite3_step(add), SQLITE_DONE);
        sqlite3_reset(add);
    }
    sqlite3_finalize(add);
    assert_int_equal(sqlite3_prepare_v2(database,
                                        "INSERT INTO dedup_run (number, last_event, made_ms, filter) VALUES "
                                        "(?1, ?2, ?3, ?4)",
                                        -1, &add, NULL),
                     SQLITE_OK);
    sqlite3_bind_int64(add, 1, number);
    sqlite3_bind_int64(add, 2, last_event);
    sqlite3_bind_int64(add, 3, made_ms);
    sqlite3_bind_blob(add, 4, filter, sizeof filter, SQLITE_STATIC);
    assert_int_equal(sqlite3_step(add), SQLITE_DONE);
    sqlite3_finalize(add);
    sqlite3_close(database);
    buffer_free(&page);
}

static enum store_result put_id(struct bench *bench, const char *id) {
    int64_t number;
    return put_at(bench, id, clock_wall_ms(), 0, 8, &number);
}

static void test_ids(void **state) {
    struct bench *bench = *state;
    int64_t now_ms = clock_wall_ms();
    bench_open(bench);
    bench_start(bench);
    for (int i = 1; i <= 3; i++) {
        char id[32];
        snprintf(id, sizeof id, "held %d", i);
        put_old(bench, id, DAY_MS, 1);
    }
    bench_close(bench);
    /* The other events of a run's last row are behind its last_event: so one of run 5 is there, and none of 4 and 7. */
    bench_execute(bench,
                  "UPDATE event SET number = 1000 + 1000 * number; UPDATE delivery SET event = 1000 + 1000 * event;"
                  "DELETE FROM dedup_recent; INSERT INTO meta (key, value) VALUES ('highest_event', 9000)");
    run_make(bench, 4, 2000 - GROUP_PUT_LIMIT, now_ms - 3LL * DAY_MS, "old");
    run_make(bench, 5, 2001 - GROUP_PUT_LIMIT, now_ms - 3LL * DAY_MS, "old and there");
    run_make(bench, 6, 2000, now_ms - DAY_MS, "young");
    run_make(bench, 7, 2100, now_ms - 3LL * DAY_MS, "old too");
    run_make(bench, 8, 5000, now_ms - 3LL * DAY_MS, "latest");
    bench->retain.ids_ms = 2LL * DAY_MS;
    bench_open(bench);
    bench->last_number = 9000;
    bench_start(bench);
    query_wait(bench, "SELECT count(*) FROM dedup", 3 * DEDUP_RUN_PAGES);
    query_wait(bench, "SELECT group_concat(number, '') = '568' FROM dedup_run", 1);
    assert_int_equal(put_id(bench, "old"), STORE_ACCEPTED);
    assert_int_equal(put_id(bench, "old too"), STORE_ACCEPTED);
    assert_int_equal(put_id(bench, "old and there"), STORE_CONFLICT);
    assert_int_equal(put_id(bench, "young"), STORE_CONFLICT);
    assert_int_equal(put_id(bench, "latest"), STORE_CONFLICT);

    /* When its events are done, it goes too; and the latest stays, for its number. */
    settle_old(bench, 2000, 0, STORE_DONE, 0);
    settle_old(bench, 3000, 0, STORE_DONE, 0);
    settle_old(bench, 4000, 0, STORE_DONE, 0);
    settled_wait(bench, 3);
    store_set_retain(bench->store, &(struct store_retain){ .events_ms = HOUR_MS, .ids_ms = 1 });
    query_wait(bench, "SELECT count(*) FROM dedup", DEDUP_RUN_PAGES);
    assert_int_equal(query_integer(bench, "SELECT number FROM dedup_run"), 8);
    assert_int_equal(put_id(bench, "young"), STORE_ACCEPTED);
    assert_int_equal(put_id(bench, "latest"), STORE_CONFLICT);
    bench_close(bench);
    assert_sound(bench);
}

/* A process that is killed when the row of a run was deleted, and not all of its pages: they go after the next start. */
static void test_pages_without_a_run(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    bench_close(bench);
    run_make(bench, 0, 1, 0, "zero");
    run_make(bench, 1, 2, 0, "one");
    run_make(bench, 2, 3, 0, "two");
    bench_execute(bench, "DELETE FROM dedup_run WHERE number = 1; DELETE FROM dedup WHERE page % 640 < 200 AND page / "
                         "640 = 1; INSERT INTO dedup (page, keys) VALUES (3 * 640 + 5, x'00')");
    bench_open(bench);
    bench_start(bench);
    query_wait(bench, "SELECT count(*) FROM dedup WHERE page BETWEEN 640 AND 1279", 0);
    /* Neither those of runs, nor what is written of the next one. */
    assert_int_equal(query_integer(bench, "SELECT count(*) FROM dedup"), 2 * DEDUP_RUN_PAGES + 1);
}

#define IDS_TEST(name) cmocka_unit_test_setup_teardown(name, bench_make, bench_remove)

int main(void) {
    const struct CMUnitTest tests[] = {
        IDS_TEST(test_ids),
        IDS_TEST(test_pages_without_a_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
