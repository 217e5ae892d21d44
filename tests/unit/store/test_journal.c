/* The packed journal: what goes in comes out, also at the edges of its numbers, and damage is seen. */
#include "store/sqlite/journal.h"

#include "store_test.h"

static void test_round_trip(void **state) {
    const struct store_journal_entry entries[] = {
        { .event = 0x1234500,
          .plugin = 1,
          .entry = STORE_ENTRY_DONE,
          .attempts = 1,
          .at_ms = 1700000000000,
          .duration_us = 0 },
        { .event = 0x12345ff,
          .plugin = 200,
          .entry = STORE_ENTRY_DEAD,
          .attempts = 20,
          .at_ms = 1699999999999,
          .duration_us = 127 },
        { .event = 0x1234580,
          .plugin = INT32_MAX,
          .entry = STORE_ENTRY_DONE,
          .attempts = INT32_MAX,
          .at_ms = INT64_MAX,
          .duration_us = INT64_MAX },
        { .event = 0x1234580,
          .plugin = 3,
          .entry = STORE_ENTRY_DONE,
          .attempts = 0,
          .at_ms = INT64_MIN,
          .duration_us = 128 },
    };
    struct journal_page page = { .block = 0x12345 };
    for (int i = 0; i < 4; i++) {
        size_t before = page.length;
        journal_page_add(&page, &entries[i]);
        assert_in_range(page.length - before, 6, JOURNAL_ENTRY_LIMIT);
    }
    struct journal_cursor cursor = { .block = 0x12345, .at = page.entries, .end = page.entries + page.length };
    struct store_journal_entry read;
    for (int i = 0; i < 4; i++) {
        assert_true(journal_next(&cursor, &read));
        assert_int_equal(read.event, entries[i].event);
        assert_int_equal(read.plugin, entries[i].plugin);
        assert_int_equal(read.entry, entries[i].entry);
        assert_int_equal(read.attempts, entries[i].attempts);
        assert_true(read.at_ms == entries[i].at_ms);
        assert_true(read.duration_us == entries[i].duration_us);
    }
    assert_false(journal_next(&cursor, &read));
    assert_ptr_equal(cursor.at, cursor.end);
}

static void test_cut_short(void **state) {
    struct journal_page page = { .block = 1 };
    struct store_journal_entry entry = {
        .event = 256, .plugin = 300, .attempts = 300, .at_ms = 1700000000000, .duration_us = 300000
    };
    journal_page_add(&page, &entry);
    for (size_t length = 1; length < page.length; length++) {
        struct journal_cursor cursor = { .block = 1, .at = page.entries, .end = page.entries + length };
        assert_false(journal_next(&cursor, &entry));
        assert_true(cursor.at < cursor.end);
    }
}

static void test_pages_by_block(void **state) {
    static struct journal_pages pages;
    struct journal_page *full, *page;
    struct store_journal_entry entry = { .plugin = 1 };
    for (int64_t block = 0; block < JOURNAL_PAGE_COUNT; block++) {
        page = journal_page_for(&pages, block, &full);
        assert_non_null(page);
        journal_page_add(page, &entry);
        assert_ptr_equal(journal_page_for(&pages, block, &full), page);
    }
    /* All are taken: the oldest has to go. */
    assert_null(journal_page_for(&pages, 99, &full));
    assert_int_equal(full->block, 0);
    full->length = 0;
    page = journal_page_for(&pages, 99, &full);
    assert_ptr_equal(page, &pages.pages[0]);
    journal_page_add(page, &entry);
    assert_null(journal_page_for(&pages, 98, &full));
    assert_int_equal(full->block, 1);
    /* One that is full has to go first. */
    while (page->length + JOURNAL_ENTRY_LIMIT <= JOURNAL_PAGE_SIZE) {
        journal_page_add(page, &entry);
    }
    assert_null(journal_page_for(&pages, 99, &full));
    assert_ptr_equal(full, page);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_cut_short),
        cmocka_unit_test(test_pages_by_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
