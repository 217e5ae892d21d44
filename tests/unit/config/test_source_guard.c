/* `allow`, `trust_proxy` and `rate` of a source: what is read, each mistake with its place, and what is warned of. */
#include "config_test.h"

#define ON(listen, rest)                                                                                               \
    "listen: " listen "\nsources:\n  s: { path: /s, signature: stripe, secrets: x, " rest " }\nplugins: { email: }\n"  \
    "routes: { \"*\": email }\n"
#define SOURCE(rest) ON(":8080", rest)

static void what_is_written_is_read(void **state) {
    struct config_test *test = *state;
    struct ip ip;
    assert_int_equal(setenv("GRAPNEL_TEST_NETWORK", "198.51.100.0/24", 1), 0);
    const struct setup *setup = config_test_read_good(
        test, SOURCE("allow: [ 203.0.113.0/24, \"2001:db8::/32\", { env: GRAPNEL_TEST_NETWORK } ],\n    trust_proxy: "
                     "10.0.0.1,\n    rate: { per_second: 0.5, burst: 7 }"));
    assert_lines(test, &test->warnings, "");
    const struct setup_source *source = &setup->sources[0];
    assert_int_equal(source->allow.count, 3);
    assert_true(ip_parse(bytes_of("198.51.100.7"), &ip) && address_set_contains(&source->allow, &ip));
    assert_true(ip_parse(bytes_of("2001:db8::7"), &ip) && address_set_contains(&source->allow, &ip));
    assert_int_equal(source->trust_proxy.count, 1);
    assert_true(ip_parse(bytes_of("10.0.0.1"), &ip) && address_set_contains(&source->trust_proxy, &ip));
    assert_true(source->rate.per_second > 0.49 && source->rate.per_second < 0.51);
    assert_int_equal(source->rate.burst, 7);
}

static void what_is_not_there(void **state) {
    const struct setup *setup = config_test_read_good(*state, SOURCE("tolerance: 5m"));
    assert_int_equal(setup->sources[0].allow.count, 0);
    assert_int_equal(setup->sources[0].trust_proxy.count, 0);
    assert_true(setup->sources[0].rate.per_second <= 0);
    setup = config_test_read_good(*state, SOURCE("rate: { per_second: 1000 }"));
    assert_int_equal(setup->sources[0].rate.burst, 1000);
    setup = config_test_read_good(*state, SOURCE("rate: { per_second: 0.2 }"));
    assert_int_equal(setup->sources[0].rate.burst, 1);
}

static void mistakes(void **state) {
    static const struct {
        const char *text, *lines;
    } cases[] = {
        { SOURCE("allow: [ 203.0.113.7/24, 10.0.0.0/8 ]"),
          "grapnel.yaml:3:58: source \"s\": \"allow\": \"203.0.113.7/24\" has bits set behind its prefix; write "
          "203.0.113.0/24, or 203.0.113.7 for that address alone\n" },
        { SOURCE("allow: [ 10.0.0.0/8, hooks.example.com ], trust_proxy: fe80::1%eth0"),
          "grapnel.yaml:3:70: source \"s\": \"allow\": \"hooks.example.com\" is no address; names are not looked up, "
          "write the addresses that they stand for\n"
          "grapnel.yaml:3:104: source \"s\": \"trust_proxy\": \"fe80::1%eth0\" names an interface of this machine; "
          "write "
          "the address without it: fe80::1\n" },
        { SOURCE("allow: []"),
          "grapnel.yaml:3:56: source \"s\": \"allow\" lists no address; to let anyone send, leave it out\n" },
        { SOURCE("trust_proxy: "),
          "grapnel.yaml:3:63: source \"s\": \"trust_proxy\" lists no address; to trust no proxy, leave it out\n" },
        { SOURCE("allow: [ \"\" ]"), "grapnel.yaml:3:58: source \"s\": \"allow\": an address is missing in \"\"; write "
                                     "one like 203.0.113.0/24 or 2001:db8::/32\n" },
        { SOURCE("allow: { from: 10.0.0.0/8 }"), "grapnel.yaml:3:56: source \"s\": \"allow\" lists addresses; one is "
                                                 "expected here, not a map\n" },
        { SOURCE("allow: [ [ 10.0.0.0/8 ] ]"), "grapnel.yaml:3:58: source \"s\": \"allow\" lists addresses; one is "
                                               "expected here, not a list\n" },
        { SOURCE("rate: 100"), "grapnel.yaml:3:55: source \"s\": rate: a map of keys is expected here, not a text\n" },
        { SOURCE("rate: { burst: 5 }"), "grapnel.yaml:3:49: source \"s\": rate: \"per_second\" is missing (how many "
                                        "requests may come in the long run)\n" },
        { SOURCE("rate: { per_second: 0 }"),
          "grapnel.yaml:3:69: source \"s\": rate: \"per_second\" must be from 0.001 to 1000000, not 0\n" },
        { SOURCE("rate: { per_second: many, burst: 1.5 }"),
          "grapnel.yaml:3:69: source \"s\": rate: \"per_second\" must be a number like 2 or 1.5, not \"many\"\n"
          "grapnel.yaml:3:82: source \"s\": rate: \"burst\" must be a whole number, not \"1.5\"\n" },
        { SOURCE("rate: { per_second: 1, burst: 0 }"),
          "grapnel.yaml:3:79: source \"s\": rate: \"burst\" must be from 1 to 1000000, not 0\n" },
        { SOURCE("rate: { per_minute: 1, per_second: 1 }"),
          "grapnel.yaml:3:57: source \"s\": rate: unknown key \"per_minute\"; the keys here are per_second, burst\n" },
    };
    struct config_test *test = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        config_test_read(test, cases[i].text);
        assert_lines(test, &test->mistakes, cases[i].lines);
    }
}

static void more_than_anyone_needs(void **state) {
    struct config_test *test = *state;
    static char text[65536];
    for (int count = SETUP_ADDRESS_LIMIT; count <= SETUP_ADDRESS_LIMIT + 1; count++) {
        int length = sprintf(text, "sources:\n  s: { path: /s, signature: stripe, secrets: x, trust_proxy: 127.0.0.1,\n"
                                   "    allow: [ 10.0.0.0");
        for (int i = 1; i < count; i++)
            length += sprintf(text + length, ", 10.0.%d.%d", i * 2 / 256, i * 2 % 256);
        sprintf(text + length, " ] }\n");
        config_test_read(test, text);
        assert_lines(test, &test->mistakes,
                     count <= SETUP_ADDRESS_LIMIT
                         ? ""
                         : "grapnel.yaml:3:12: source \"s\": \"allow\" lists 1025 addresses; at most 1024 can stand "
                           "here, so write them as prefixes\n");
        if (count <= SETUP_ADDRESS_LIMIT)
            assert_int_equal(test->setup->sources[0].allow.count, SETUP_ADDRESS_LIMIT);
    }
}

#define PLACE "grapnel.yaml:3:49: warning: source \"s\": "
#define NOBODY                                                                                                         \
    PLACE "\"allow\" lets nobody in: all of \"listen\" is on loopback, where none of these addresses can come from; "  \
          "if a proxy on this machine passes their requests on, add trust_proxy: [ 127.0.0.1 ]\n"
#define LOCAL                                                                                                          \
    PLACE "\"allow\" lets in programs of this machine only, though \"listen\" is open to others; through a proxy on "  \
          "this machine everyone comes from there, unless it is in \"trust_proxy\"\n"

static void what_is_probably_not_meant_is_warned_of(void **state) {
    static const struct {
        const char *text, *lines;
    } cases[] = {
        { ON("127.0.0.1:8080", "allow: 203.0.113.0/24"), NOBODY },
        { ON("[ \"[::1]:80\", 127.0.0.2:80 ]", "allow: [ \"2001:db8::/32\", 127.0.0.0/32 ]"), "" },
        { ON("localhost:80", "allow: 203.0.113.0/24, trust_proxy: [ 10.0.0.1 ]"), NOBODY },
        { ON("127.0.0.1:8080", "allow: 203.0.113.0/24, trust_proxy: [ 127.0.0.1 ]"), "" },
        { ON("\"[::1]:8080\"", "allow: 203.0.113.0/24, trust_proxy: [ \"::1\" ]"), "" },
        { ON("127.0.0.1:8080", "allow: 127.0.0.0/8"), "" },
        { ON("[ 127.0.0.1:8080, 10.0.0.1:80 ]", "allow: 203.0.113.0/24"), "" },
        { ON(":8080", "allow: [ 127.0.0.1, \"::1\" ]"), LOCAL },
        { ON(":8080", "allow: [ 127.0.0.1, 10.0.0.1 ]"), "" },
        { ON(":8080", "allow: [ 127.0.0.1 ], trust_proxy: 10.0.0.1"), "" },
        { ON(":8080", "allow: [ 126.0.0.0/7 ]"), "" },
        { ON(":8080", "allow: [ 0.0.0.0/0, \"::/0\" ]"),
          "grapnel.yaml:3:58: warning: source \"s\": \"allow\" lists every IPv4 address; to let anyone send, leave "
          "\"allow\" out\n"
          "grapnel.yaml:3:69: warning: source \"s\": \"allow\" lists every IPv6 address; to let anyone send, leave "
          "\"allow\" out\n" },
        { ON(":8080", "trust_proxy: [ 0.0.0.0/0, 10.0.0.0/8, \"::ffff:0:0/96\" ]"),
          "grapnel.yaml:3:64: warning: source \"s\": \"trust_proxy\" trusts every IPv4 address: whoever sends "
          "X-Forwarded-For can say to be anyone\n"
          "grapnel.yaml:3:87: warning: source \"s\": \"trust_proxy\" trusts every IPv4 address: whoever sends "
          "X-Forwarded-For can say to be anyone\n" },
    };
    struct config_test *test = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        config_test_read_good(test, cases[i].text);
        assert_lines(test, &test->warnings, cases[i].lines);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_written_is_read, config_test_setup, config_test_teardown),
        cmocka_unit_test_setup_teardown(what_is_not_there, config_test_setup, config_test_teardown),
        cmocka_unit_test_setup_teardown(mistakes, config_test_setup, config_test_teardown),
        cmocka_unit_test_setup_teardown(more_than_anyone_needs, config_test_setup, config_test_teardown),
        cmocka_unit_test_setup_teardown(what_is_probably_not_meant_is_warned_of, config_test_setup,
                                        config_test_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
