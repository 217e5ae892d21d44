/* Who the sender is behind proxies, whether it may send, and the bucket of tokens, with a clock of the test's own. */
#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "receive/guard.h"

enum { LIST_LIMIT = 8 };

/* "10.0.0.0/8 192.0.2.1"; the set's blocks are the caller's. */
static void set_fill(struct address_set *set, struct ip_block *blocks, const char *list) {
    char words[256], *rest = words;
    struct fault fault;
    *set = (struct address_set){ .blocks = blocks };
    snprintf(words, sizeof words, "%s", list);
    for (char *word; (word = strsep(&rest, " ")) && word[0];) {
        if (!ip_block_parse(word, &blocks[set->count++], &fault))
            fail_msg("%s", fault.text);
    }
    address_set_finish(set);
}

/* Lines of the one header that is there, each ended by a newline; as struct guard_request asks for them. */
static bool header(void *context, const char *name, int count, struct bytes *value) {
    const char *lines = context;
    if (strcmp(name, "X-Forwarded-For") != 0 || lines == NULL)
        return false;
    for (; *lines; lines += strcspn(lines, "\n") + 1) {
        *value = (struct bytes){ lines, strcspn(lines, "\n") };
        if (count-- == 0)
            return true;
    }
    return false;
}

struct judged {
    bool admitted;
    struct guard_sender sender;
    struct guard_names names;
    struct fault reason;
};

static struct judged judge(const char *allow, const char *trusted, const char *peer, const char *lines) {
    struct ip_block blocks[2][LIST_LIMIT];
    struct setup_source source = { .name = NULL };
    struct judged judged = { .reason = { "" } };
    set_fill(&source.allow, blocks[0], allow);
    set_fill(&source.trust_proxy, blocks[1], trusted);
    const struct guard_request request = { peer, header, (void *)(uintptr_t)lines };
    judged.admitted = guard_admits(&source, &request, &judged.sender, &judged.reason);
    guard_name(&judged.sender, peer, &judged.names);
    assert_int_equal(judged.admitted, judged.reason.text[0] == '\0');
    return judged;
}

#define SHOP    "203.0.113.0/24 2001:db8::/32"
#define PROXIES "10.0.0.0/8 fd00::/8 127.0.0.1"

struct judging {
    const char *peer, *lines, *from, *via; /* lines null: no X-Forwarded-For */
    bool admitted;
};

static void the_true_sender_decides(void **state) {
    static const struct judging cases[] = {
        /* Directly. */
        { "203.0.113.9", NULL, "203.0.113.9", "", true },
        { "::ffff:203.0.113.9", NULL, "203.0.113.9", "", true },
        { "2001:db8::5", NULL, "2001:db8::5", "", true },
        { "198.51.100.1", NULL, "198.51.100.1", "", false },
        { "::ffff:198.51.100.1", NULL, "198.51.100.1", "", false },
        { "fe80::1%eth0", NULL, "fe80::1%eth0", "", false },
        { "::203.0.113.9", NULL, "::203.0.113.9", "", false },
        { "", NULL, "", "", false },
        /* Who is not trusted can say what it likes. */
        { "198.51.100.1", "203.0.113.9\n", "198.51.100.1", "", false },
        { "198.51.100.1", "203.0.113.9, 10.0.0.1\n", "198.51.100.1", "", false },
        { "198.51.100.1", "10.0.0.1\n127.0.0.1\n203.0.113.9\n", "198.51.100.1", "", false },
        { "203.0.113.9", "198.51.100.1\n", "203.0.113.9", "", true },
        { "203.0.113.9", "nonsense\n", "203.0.113.9", "", true },
        /* One proxy. */
        { "10.0.0.1", "203.0.113.9\n", "203.0.113.9", "10.0.0.1", true },
        { "::ffff:10.0.0.1", "203.0.113.9\n", "203.0.113.9", "10.0.0.1", true },
        { "10.0.0.1", "::ffff:203.0.113.9\n", "203.0.113.9", "10.0.0.1", true },
        { "fd00::1", "2001:db8::1\n", "2001:db8::1", "fd00::1", true },
        { "fd00::1%eth0", "2001:db8::1\n", "2001:db8::1", "fd00::1%eth0", true },
        { "10.0.0.1", "198.51.100.1\n", "198.51.100.1", "10.0.0.1", false },
        { "10.0.0.1", NULL, "10.0.0.1", "", false },
        /* What stands before the first that is not trusted was written by anybody. */
        { "10.0.0.1", "203.0.113.9, 198.51.100.1\n", "198.51.100.1", "10.0.0.1", false },
        { "10.0.0.1", "203.0.113.9, 198.51.100.1, 10.0.0.7\n", "198.51.100.1", "10.0.0.1", false },
        { "10.0.0.1", "198.51.100.1, 203.0.113.9\n", "203.0.113.9", "10.0.0.1", true },
        { "10.0.0.1", "unknown, 203.0.113.9\n", "203.0.113.9", "10.0.0.1", true },
        { "10.0.0.1", "\"; DROP,\xff\x01,,, 203.0.113.9\n", "203.0.113.9", "10.0.0.1", true },
        { "10.0.0.1", ",203.0.113.9\n", "203.0.113.9", "10.0.0.1", true },
        /* Several proxies, several lines, blanks. */
        { "10.0.0.1", "203.0.113.9, 10.0.0.3, 10.0.0.2\n", "203.0.113.9", "10.0.0.1", true },
        { "10.0.0.1", "203.0.113.9,10.0.0.3,fd00::2\n", "203.0.113.9", "10.0.0.1", true },
        { "10.0.0.1", "203.0.113.9\n10.0.0.3\n10.0.0.2\n", "203.0.113.9", "10.0.0.1", true },
        { "10.0.0.1", "203.0.113.8\n198.51.100.1, 10.0.0.3\n10.0.0.2\n", "198.51.100.1", "10.0.0.1", false },
        { "10.0.0.1", " \t203.0.113.9 \t,\t 10.0.0.2\t \n", "203.0.113.9", "10.0.0.1", true },
        /* All of them trusted: the first is where it came from. */
        { "10.0.0.1", "10.0.0.9, 10.0.0.2\n", "10.0.0.9", "10.0.0.1", false },
        { "10.0.0.1", "127.0.0.1\n", "127.0.0.1", "10.0.0.1", false },
        /* With ports. */
        { "10.0.0.1", "203.0.113.9:4711\n", "203.0.113.9", "10.0.0.1", true },
        { "10.0.0.1", "203.0.113.9:0\n", "203.0.113.9", "10.0.0.1", true },
        { "10.0.0.1", "203.0.113.9:65535\n", "203.0.113.9", "10.0.0.1", true },
        { "10.0.0.1", "[2001:db8::1]:443\n", "2001:db8::1", "10.0.0.1", true },
        { "10.0.0.1", "[2001:db8::1]\n", "2001:db8::1", "10.0.0.1", true },
        { "10.0.0.1", "[::ffff:203.0.113.9]:1, 10.0.0.2:80, [fd00::2]:80\n", "203.0.113.9", "10.0.0.1", true },
        /* What is no address, where one is due, is nobody who may send. */
        { "10.0.0.1", "unknown\n", "unknown", "10.0.0.1", false },
        { "10.0.0.1", "203.0.113.9, unknown\n", "unknown", "10.0.0.1", false },
        { "10.0.0.1", "203.0.113.9, unix:, 10.0.0.2\n", "unknown", "10.0.0.1", false },
        { "10.0.0.1", "203.0.113.9,\n", "unknown", "10.0.0.1", false },
        { "10.0.0.1", "203.0.113.9, , 10.0.0.2\n", "unknown", "10.0.0.1", false },
        { "10.0.0.1", "203.0.113.9\n \n", "unknown", "10.0.0.1", false },
        { "10.0.0.1", ",\n", "unknown", "10.0.0.1", false },
        { "10.0.0.1", "203.0.113.9 10.0.0.2\n", "unknown", "10.0.0.1", false },
        { "10.0.0.1", "203.0.113.9;10.0.0.2\n", "unknown", "10.0.0.1", false },
        { "10.0.0.1", "203.0.113.9/32\n", "unknown", "10.0.0.1", false },
        { "10.0.0.1", "203.0.113.009\n", "unknown", "10.0.0.1", false },
        { "10.0.0.1", "0xcb.0.113.9\n", "unknown", "10.0.0.1", false },
        { "10.0.0.1", "3405803785\n", "unknown", "10.0.0.1", false },
        { "10.0.0.1", "203.0.113.9:\n", "unknown", "10.0.0.1", false },
        { "10.0.0.1", "203.0.113.9:65536\n", "unknown", "10.0.0.1", false },
        { "10.0.0.1", "203.0.113.9:123456\n", "unknown", "10.0.0.1", false },
        { "10.0.0.1", "203.0.113.9:-1\n", "unknown", "10.0.0.1", false },
        { "10.0.0.1", "203.0.113.9:80a\n", "unknown", "10.0.0.1", false },
        { "10.0.0.1", "[203.0.113.9]\n", "unknown", "10.0.0.1", false },
        { "10.0.0.1", "[2001:db8::1\n", "unknown", "10.0.0.1", false },
        { "10.0.0.1", "2001:db8::1]\n", "unknown", "10.0.0.1", false },
        { "10.0.0.1", "[2001:db8::1]443\n", "unknown", "10.0.0.1", false },
        { "10.0.0.1", "[2001:db8::1]:\n", "unknown", "10.0.0.1", false },
        { "10.0.0.1", "[[2001:db8::1]]\n", "unknown", "10.0.0.1", false },
        { "10.0.0.1", "[]\n", "unknown", "10.0.0.1", false },
        { "10.0.0.1", "[\n", "unknown", "10.0.0.1", false },
        { "10.0.0.1", "2001:db8::1%eth0\n", "unknown", "10.0.0.1", false },
        { "10.0.0.1", "\"203.0.113.9\"\n", "unknown", "10.0.0.1", false },
        { "10.0.0.1", "for=203.0.113.9\n", "unknown", "10.0.0.1", false },
        { "10.0.0.1", "203.0.113.9\x01\n", "unknown", "10.0.0.1", false },
    };
    assert_true(sizeof cases / sizeof *cases >= 60);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct judging *wanted = &cases[i];
        struct judged judged = judge(SHOP, PROXIES, wanted->peer, wanted->lines);
        if (judged.admitted != wanted->admitted || strcmp(judged.names.from, wanted->from) != 0 ||
            strcmp(judged.names.via, wanted->via) != 0)
            fail_msg("%s, %s: %d from %s via %s: %s", wanted->peer, wanted->lines, judged.admitted, judged.names.from,
                     judged.names.via, judged.reason.text);
        /* Without `allow` anybody may send, and is found to be the same. */
        judged = judge("", PROXIES, wanted->peer, wanted->lines);
        assert_true(judged.admitted);
        assert_string_equal(judged.names.from, wanted->from);
    }
}

static void without_trusted_proxies_nobody_speaks_for_others(void **state) {
    struct judged judged = judge(SHOP, "", "127.0.0.1", "203.0.113.9\n");
    assert_false(judged.admitted);
    assert_string_equal(judged.names.from, "127.0.0.1");
    assert_string_equal(judged.reason.text,
                        "127.0.0.1 is not in `allow`; its X-Forwarded-For is not believed, as it is "
                        "not in `trust_proxy`, which lists nobody");
    assert_true(judge("", "", "127.0.0.1", "203.0.113.9\n").admitted);
}

static void reasons_say_what_to_mend(void **state) {
    static const struct {
        const char *peer, *lines, *reason;
    } cases[] = {
        { "198.51.100.1", NULL, "198.51.100.1 is not in `allow`" },
        { "198.51.100.1", "203.0.113.9\n",
          "198.51.100.1 is not in `allow`; its X-Forwarded-For is not believed, as it is not in `trust_proxy`" },
        { "10.0.0.1", NULL, "10.0.0.1 is not in `allow`" },
        { "10.0.0.1", "198.51.100.1\n", "198.51.100.1 is not in `allow`" },
        { "10.0.0.1", "unknown\n",
          "the sender is not known: X-Forwarded-For of the proxy 10.0.0.1 says \"unknown\" where "
          "an address is due" },
        { "10.0.0.1", ",\n",
          "the sender is not known: X-Forwarded-For of the proxy 10.0.0.1 says \"\" where an address is due" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(judge(SHOP, PROXIES, cases[i].peer, cases[i].lines).reason.text, cases[i].reason);
}

/* However long a stranger makes it, what is looked at is bounded. */
static void long_chains(void **state) {
    static char lines[64 * 1024];
    for (int trusted = GUARD_CHAIN_LIMIT - 1; trusted <= GUARD_CHAIN_LIMIT; trusted++) {
        int length = sprintf(lines, "203.0.113.9");
        for (int i = 0; i < trusted; i++)
            length += sprintf(lines + length, "%s10.0.0.1", i % 3 ? "," : "\n");
        strcpy(lines + length, "\n");
        struct judged judged = judge(SHOP, PROXIES, "10.0.0.1", lines);
        assert_int_equal(judged.admitted, trusted < GUARD_CHAIN_LIMIT);
        assert_int_equal(strstr(judged.reason.text, "names more than 32 proxies") != NULL,
                         trusted >= GUARD_CHAIN_LIMIT);
    }
    memset(lines, ',', sizeof lines - 20);
    strcpy(lines + sizeof lines - 20, "203.0.113.9\n");
    assert_true(judge(SHOP, PROXIES, "10.0.0.1", lines).admitted);
    memset(lines, '1', sizeof lines - 20);
    strcpy(lines + sizeof lines - 20, "\n");
    assert_false(judge(SHOP, PROXIES, "10.0.0.1", lines).admitted);
}

static void connections(void **state) {
    struct ip_block blocks[4][LIST_LIMIT];
    struct setup_source sources[2] = { { .name = NULL } };
    struct setup setup = { .sources = sources, .source_count = 2 };
    static const struct {
        const char *address;
        bool allowed, proxy;
    } cases[] = {
        { "203.0.113.1", true, false }, { "198.51.100.1", true, false },    { "10.0.0.1", true, true },
        { "192.0.2.7", true, true },    { "::ffff:192.0.2.7", true, true }, { "192.0.2.8", false, false },
        { "::1", false, false },
    };
    struct ip ip;
    set_fill(&sources[0].allow, blocks[0], "203.0.113.0/24");
    set_fill(&sources[0].trust_proxy, blocks[1], "10.0.0.0/8");
    set_fill(&sources[1].allow, blocks[2], "198.51.100.0/24");
    set_fill(&sources[1].trust_proxy, blocks[3], "192.0.2.7");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_true(ip_parse(bytes_of(cases[i].address), &ip));
        assert_int_equal(guard_may_connect(&setup, &ip), cases[i].allowed);
        assert_int_equal(guard_is_proxy(&setup, &ip), cases[i].proxy);
    }
    sources[1].allow.count = 0; /* for anyone */
    assert_true(guard_may_connect(&setup, &ip));
    assert_false(guard_is_proxy(&setup, &ip));
    setup.source_count = 0;
    assert_true(guard_may_connect(&setup, &ip));
}

/* ---- how much ---- */

static const int64_t second = 1000000000;

static void a_bucket_is_emptied_and_fills_again(void **state) {
    struct guard_bucket bucket = { 0 };
    const struct setup_rate rate = { .per_second = 10, .burst = 5 };
    int64_t now = 1000 * second;
    for (int round = 0; round < 3; round++, now += 3600 * second) { /* however long the pause: no more than the burst */
        for (int i = 0; i < 5; i++)
            assert_int_equal(guard_take(&bucket, &rate, now), 0);
        for (int i = 0; i < 3; i++)
            assert_int_equal(guard_take(&bucket, &rate, now), second / 10);
        assert_int_equal(guard_take(&bucket, &rate, now + second / 10 - 1), 1);
        assert_int_equal(guard_take(&bucket, &rate, now + second / 10), 0);
        assert_int_equal(guard_take(&bucket, &rate, now + second / 10), second / 10);
        assert_int_equal(guard_take(&bucket, &rate, now + second * 3 / 10), 0);
        assert_int_equal(guard_take(&bucket, &rate, now + second * 3 / 10), 0);
        assert_int_not_equal(guard_take(&bucket, &rate, now + second * 3 / 10), 0);
    }
}

static void in_the_long_run(void **state) {
    static const struct setup_rate rates[] = { { 1, 1 },     { 0.001, 1 },         { 0.001, 1000000 }, { 3, 100 },
                                               { 1000, 10 }, { 1000000, 1000000 }, { 7.5, 2 } };
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        struct guard_bucket bucket = { 0 };
        int64_t begin = 5 * second, now = begin, taken = 0;
        for (int asked = 0; asked < 1500000; asked++) {
            int64_t wait = guard_take(&bucket, &rates[i], now);
            assert_in_range(wait, 0, 1001 * second);
            if (taken >= rates[i].burst + 20000)
                break;
            taken += wait == 0;
            now += wait; /* as a sender that does what Retry-After says */
        }
        double wanted = (double)rates[i].burst + (double)(now - begin) / 1e9 * rates[i].per_second;
        assert_true((double)taken <= wanted + 1 && (double)taken >= wanted - 2);
    }
}

static void without_a_rate(void **state) {
    struct guard_bucket bucket = { 0 };
    const struct setup_rate none = { 0 };
    for (int i = 0; i < 1000; i++)
        assert_int_equal(guard_take(&bucket, &none, 1), 0);
}

/* A clock that is read before another thread's, and used after it. */
static void a_clock_that_is_late(void **state) {
    struct guard_bucket bucket = { 0 };
    const struct setup_rate rate = { .per_second = 1, .burst = 2 };
    assert_int_equal(guard_take(&bucket, &rate, 100 * second), 0);
    assert_int_equal(guard_take(&bucket, &rate, 99 * second), second);
    assert_int_equal(guard_take(&bucket, &rate, 100 * second), 0);
}

enum { THREADS = 4, EACH = 20000 };

struct crowd {
    struct guard_bucket bucket;
    struct setup_rate rate;
    _Atomic int64_t taken;
};

static void *take_many(void *context) {
    struct crowd *crowd = context;
    for (int i = 0; i < EACH; i++) {
        if (guard_take(&crowd->bucket, &crowd->rate, second) == 0)
            atomic_fetch_add(&crowd->taken, 1);
    }
    return NULL;
}

static void threads_share_a_bucket(void **state) {
    struct crowd crowd = { .rate = { .per_second = 1000, .burst = 12345 } };
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_many, &crowd), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(crowd.taken, 12345);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_true_sender_decides),
        cmocka_unit_test(without_trusted_proxies_nobody_speaks_for_others),
        cmocka_unit_test(reasons_say_what_to_mend),
        cmocka_unit_test(long_chains),
        cmocka_unit_test(connections),
        cmocka_unit_test(a_bucket_is_emptied_and_fills_again),
        cmocka_unit_test(in_the_long_run),
        cmocka_unit_test(without_a_rate),
        cmocka_unit_test(a_clock_that_is_late),
        cmocka_unit_test(threads_share_a_bucket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
