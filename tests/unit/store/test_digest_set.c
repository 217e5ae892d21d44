/* The sorted hash table of digests, against a plain array; and the filter of a run. */
#include "store/sqlite/dedup.h"

#include "store_test.h"

enum { ROUNDS = 20000, KEYS = 3000 };

static struct digest_entry entry_make(unsigned number, bool crowded) {
    unsigned char digest[EVENT_DIGEST_SIZE];
    event_digest(bytes_of("set"), (struct bytes){ (const char *)&number, sizeof number }, digest);
    if (crowded) { /* all belong to the last slots, and overflow behind them */
        digest[0] = digest[1] = 0xff;
        digest[2] |= 0x80;
    }
    return digest_entry_of(digest, number + 1, 3 * number);
}

static void set_check(bool crowded) {
    static bool present[KEYS];
    struct digest_set set;
    unsigned seed = 3;
    int count = 0;
    memset(present, 0, sizeof present);
    assert_true(digest_set_make(&set));
    for (int i = 0; i < ROUNDS; i++) {
        unsigned number = (unsigned)rand_r(&seed) % KEYS;
        struct digest_entry entry = entry_make(number, crowded);
        const struct digest_entry *there = digest_set_find(&set, &entry);
        assert_int_equal(there != NULL, present[number]);
        assert_true(!there || (there->event == number + 1 && there->body == 3 * number));
        if (rand_r(&seed) % 3 != 0) {
            assert_int_equal(digest_set_add(&set, entry), !present[number]);
            count += !present[number];
            present[number] = true;
        } else {
            digest_set_remove(&set, entry);
            count -= present[number];
            present[number] = false;
        }
        assert_int_equal(set.count, count);
    }
    const struct digest_entry *before = NULL, *entry;
    for (size_t at = 0; (entry = digest_set_next(&set, &at)); before = entry) {
        assert_true(!before || digest_compare(before, entry) < 0);
        assert_true(present[entry->event - 1]);
        count--;
    }
    assert_int_equal(count, 0);
    digest_set_free(&set);
}

static void test_set(void **state) {
    set_check(false);
}

static void test_set_of_neighbours(void **state) {
    set_check(true);
}

static void test_filter(void **state) {
    static unsigned char filter[DEDUP_FILTER_SIZE];
    int wrong = 0;
    for (unsigned i = 0; i < DEDUP_RUN_KEYS; i++) {
        struct digest_entry entry = entry_make(i, false);
        dedup_filter_add(filter, &entry);
    }
    for (unsigned i = 0; i < DEDUP_RUN_KEYS; i++) {
        struct digest_entry in = entry_make(i, false), out = entry_make(i + DEDUP_RUN_KEYS, false);
        assert_true(dedup_filter_may_have(filter, &in));
        wrong += dedup_filter_may_have(filter, &out);
    }
    assert_in_range(wrong, 0, DEDUP_RUN_KEYS / 100);
}

static void test_packing_sorts_as_bytes(void **state) {
    struct buffer page = { 0 };
    struct digest_entry entry = {
        .high = 0x0102030405060708, .low = 0x1112131415161718, .event = 0x2122, .body = 0x3132333435363738
    };
    dedup_pack(&page, &entry);
    assert_int_equal(page.length, DEDUP_ENTRY_SIZE);
    assert_memory_equal(page.data,
                        "\x01\x02\x03\x04\x05\x06\x07\x08\x11\x12\x13\x14\x15\x16\x17\x18\0\0\0\0\0\0\x21\x22"
                        "\x31\x32\x33\x34\x35\x36\x37\x38",
                        DEDUP_ENTRY_SIZE);
    struct digest_entry back = dedup_unpack((const unsigned char *)page.data);
    assert_int_equal(digest_compare(&back, &entry), 0);
    assert_int_equal(back.event, entry.event);
    buffer_free(&page);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set),
        cmocka_unit_test(test_set_of_neighbours),
        cmocka_unit_test(test_filter),
        cmocka_unit_test(test_packing_sorts_as_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
