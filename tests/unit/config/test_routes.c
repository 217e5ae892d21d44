/* Which plugins an event goes to. */
#include "config_test.h"

static const char config[] = "sources:\n"
                             "  shop: { path: /shop, signature: stripe, secrets: x }\n"
                             "  bank: { path: /bank, signature: stripe, secrets: x }\n"
                             "plugins: { email: , logging: , late: }\n"
                             "routes:\n"
                             "  payment.succeeded: [ late, email ]\n"
                             "  payment.*: [ email ]\n"
                             "  bank/*: [ logging ]\n"
                             "  shop/*.deep/er: late\n";

/* The names of the plugins, joined. */
static const char *routed(struct config_test *test, const char *source, const char *type) {
    static char names[256];
    int plugins[SETUP_PLUGIN_LIMIT];
    int count = setup_route_event(test->setup, bytes_of(source), bytes_of(type), plugins);
    names[0] = '\0';
    for (int i = 0; i < count; i++) {
        strcat(names, i ? " " : "");
        strcat(names, test->setup->plugins[plugins[i]].name);
    }
    return names;
}

static void every_matching_row_counts_once(void **state) {
    struct config_test *test = *state;
    config_test_read_good(test, config);
    assert_string_equal(routed(test, "shop", "payment.succeeded"), "email late");
    assert_string_equal(routed(test, "shop", "payment.failed"), "email");
    assert_string_equal(routed(test, "shop", "payment."), "email");
    assert_string_equal(routed(test, "shop", "payment"), "");
    assert_string_equal(routed(test, "shop", "refund"), "");
    assert_string_equal(routed(test, "bank", "payment.succeeded"), "email logging late");
    assert_string_equal(routed(test, "bank", "anything"), "logging");
    assert_string_equal(routed(test, "bank", ""), "logging");
    assert_string_equal(routed(test, "ban", "anything"), "");
    assert_string_equal(routed(test, "shop", "a.deep/er"), "late");
    assert_string_equal(routed(test, "bank", "a.deep/er"), "logging");
}

static void without_routes_there_is_nobody(void **state) {
    struct config_test *test = *state;
    config_test_read_good(test, "sources: { shop: { path: /, signature: stripe, secrets: x } }\n");
    assert_string_equal(routed(test, "shop", "payment.succeeded"), "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, config_test_setup, config_test_teardown)
int main(void) {
    const struct CMUnitTest tests[] = { TEST(every_matching_row_counts_once), TEST(without_routes_there_is_nobody) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
