/* The rings of the last refusals: what is kept, in which order, cut where, that threads don't hurt each other, and what the server notes. */
#include "receive_fixture.h"

#include "receive/refusals.h"

static struct setup_source sources[] = { { .name = (char *)"cryptopay" }, { .name = (char *)"stripe" } };
static const struct setup setup = { .sources = sources, .source_count = 2 };
enum { NO_SOURCE = 2 };

static int make(void **state) {
    struct fault fault;
    *state = refusals_make(&setup, &fault);
    return *state == NULL;
}

static int end(void **state) {
    refusals_free(*state);
    return 0;
}

static void test_one_is_kept_as_it_came(void **state) {
    struct refusal copies[REFUSALS_KEPT];
    int64_t before = clock_wall_ms();
    refusals_note(*state, 1, ANSWER_SIGNATURE, "2001:db8::1", "", "the signature is wrong");
    assert_int_equal(refusals_copy(*state, 0, copies), 0);
    assert_int_equal(refusals_copy(*state, NO_SOURCE, copies), 0);
    assert_int_equal(refusals_copy(*state, 1, copies), 1);
    assert_true(copies[0].at_ms >= before && copies[0].at_ms <= clock_wall_ms());
    assert_int_equal(copies[0].answer, ANSWER_SIGNATURE);
    assert_string_equal(copies[0].from, "2001:db8::1");
    assert_string_equal(copies[0].reason, "the signature is wrong");
    assert_int_equal(refusals_source_count(*state), 3);
    assert_string_equal(refusals_source_name(*state, 1), "stripe");
    assert_null(refusals_source_name(*state, NO_SOURCE));
}

static void test_the_last_hundred_of_each_source(void **state) {
    struct refusal copies[REFUSALS_KEPT];
    char reason[32];
    refusals_note(*state, 1, ANSWER_METHOD, "", "", "the only one");
    for (int i = 0; i < 257; i++) {
        snprintf(reason, sizeof reason, "%d", i);
        refusals_note(*state, NO_SOURCE, ANSWER_NOT_FOUND, "", "", reason);
        int count = refusals_copy(*state, NO_SOURCE, copies), wanted = i < REFUSALS_KEPT ? i + 1 : REFUSALS_KEPT;
        assert_int_equal(count, wanted);
        for (int at = 0; at < count; at++) {
            snprintf(reason, sizeof reason, "%d", i + 1 - count + at);
            assert_string_equal(copies[at].reason, reason);
            assert_int_equal(copies[at].number, (uint64_t)(i + 3 - count + at));
        }
    }
    assert_int_equal(refusals_copy(*state, 1, copies), 1);
    assert_string_equal(copies[0].reason, "the only one");
}

static void test_what_is_long_is_cut_between_characters(void **state) {
    struct refusal copies[REFUSALS_KEPT];
    char reason[1024], wanted[1024];
    for (int shift = 0; shift < 3; shift++) {
        memset(reason, 'a', sizeof reason);
        reason[shift] = '\0';
        while (strlen(reason) < 900)
            strcat(reason, "€");
        refusals_note(*state, 0, ANSWER_MALFORMED, reason, "", reason);
        int count = refusals_copy(*state, 0, copies);
        size_t whole = (REFUSAL_REASON_LIMIT - (size_t)shift) / 3 * 3 + (size_t)shift;
        snprintf(wanted, sizeof wanted, "%.*s…", (int)whole, reason);
        assert_string_equal(copies[count - 1].reason, wanted);
        assert_int_equal(strlen(copies[count - 1].from), REFUSAL_FROM_SIZE - 1);
    }
    memset(reason, 'x', sizeof reason);
    reason[REFUSAL_REASON_LIMIT] = '\0';
    refusals_note(*state, 0, ANSWER_MALFORMED, "", "", reason);
    assert_int_equal(refusals_copy(*state, 0, copies), 4);
    assert_string_equal(copies[3].reason, reason);
}

enum { WRITERS = 4, EACH = 2000 };

static void *write_many(void *refusals) {
    for (int i = 0; i < EACH; i++)
        refusals_note(refusals, i % 2, ANSWER_SIGNATURE, "192.0.2.1", "", i % 4 < 2 ? "aaaaaaaaaaaaaaaa" : "bbbbbbbb");
    return NULL;
}

static void test_threads(void **state) {
    static struct refusal copies[REFUSALS_KEPT];
    pthread_t threads[WRITERS];
    for (int i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, write_many, *state), 0);
    for (int i = 0; i < 200; i++) {
        int count = refusals_copy(*state, i % 2, copies);
        for (int at = 0; at < count; at++) {
            assert_true(strcmp(copies[at].reason, "aaaaaaaaaaaaaaaa") == 0 ||
                        strcmp(copies[at].reason, "bbbbbbbb") == 0);
            assert_true(at == 0 || copies[at].number > copies[at - 1].number);
        }
    }
    for (int i = 0; i < WRITERS; i++)
        pthread_join(threads[i], NULL);
    refusals_note(*state, NO_SOURCE, ANSWER_NOT_FOUND, "", "", "");
    assert_int_equal(refusals_copy(*state, NO_SOURCE, copies), 1);
    assert_int_equal(copies[0].number, WRITERS * EACH + 1);
}

/* What is refused before the store is asked, and by the store: that is told from another thread. */
static void test_the_server_notes_them(void **state) {
    struct fixture *fixture = *state;
    struct refusal copies[REFUSALS_KEPT];
    struct fault fault;
    fixture->refusals = refusals_make(&fixture->setup, &fault);
    assert_true(fixture_start(fixture, "127.0.0.1:0", &fault));
    int client = client_connect(fixture);
    assert_int_equal(client_post(client, &fixture->sources[0], "", "{\"id\":\"1\",\"type\":\"a\"}").status, 200);
    assert_int_equal(client_post(client, &fixture->sources[0], "", "{\"id\":\"full\",\"type\":\"a\"}").status, 503);
    assert_int_equal(client_post(client, &fixture->sources[0], "", "[]").status, 400);
    close(client);
    assert_int_equal(refusals_copy(fixture->refusals, 0, copies), 2);
    assert_int_equal(copies[0].answer, ANSWER_UNAVAILABLE);
    assert_string_equal(copies[0].reason, answer_row(ANSWER_UNAVAILABLE)->reason);
    assert_int_equal(copies[1].answer, ANSWER_NO_EVENT);
    for (int i = 0; i < 2; i++)
        assert_string_equal(copies[i].from, "127.0.0.1");
    assert_int_equal(refusals_copy(fixture->refusals, 1, copies), 0);
    fixture_stop(fixture);
    refusals_free(fixture->refusals);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_one_is_kept_as_it_came, make, end),
        cmocka_unit_test_setup_teardown(test_the_last_hundred_of_each_source, make, end),
        cmocka_unit_test_setup_teardown(test_what_is_long_is_cut_between_characters, make, end),
        cmocka_unit_test_setup_teardown(test_threads, make, end),
        cmocka_unit_test_setup_teardown(test_the_server_notes_them, fixture_make, fixture_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
