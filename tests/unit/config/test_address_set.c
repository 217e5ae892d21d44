/* Addresses and prefixes as people write them: which of them hold an address, and what is said about those that are wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "config/address_set.h"

enum { ALL = 16 };

/* A list, and what it holds and does not hold. */
static void lists_hold_what_they_say(void **state) {
    static const struct {
        const char *blocks[4], *held[8], *others[ALL];
    } cases[] = {
        { { "203.0.113.0/24" },
          { "203.0.113.0", "203.0.113.255", "203.0.113.77", "::ffff:203.0.113.9", "::FFFF:cb00:7109" },
          { "203.0.112.255", "203.0.114.0", "0.0.0.0", "255.255.255.255", "::203.0.113.9", "::cb00:7109",
            "64:ff9b::203.0.113.9", "2002:cb00:7109::1", "::fffe:203.0.113.9" } },
        { { "192.0.2.1" }, { "192.0.2.1", "::ffff:192.0.2.1" }, { "192.0.2.0", "192.0.2.2", "::1", "1.2.0.192" } },
        { { "192.0.2.1/32" }, { "192.0.2.1" }, { "192.0.2.0", "192.0.2.2" } },
        { { "192.0.2.2/31" }, { "192.0.2.2", "192.0.2.3" }, { "192.0.2.1", "192.0.2.4" } },
        { { "128.0.0.0/1" }, { "128.0.0.0", "255.255.255.255" }, { "127.255.255.255", "0.0.0.0", "8000::" } },
        { { "10.0.0.0/8" }, { "10.0.0.0", "10.255.255.255" }, { "9.255.255.255", "11.0.0.0" } },
        { { "172.16.0.0/12" }, { "172.16.0.0", "172.31.255.255" }, { "172.15.255.255", "172.32.0.0" } },
        { { "0.0.0.0/0" }, { "0.0.0.0", "255.255.255.255", "::ffff:1.2.3.4" }, { "::", "::1", "2001:db8::1" } },
        { { "::/0" },
          { "::", "::1", "2001:db8::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
          { "1.2.3.4", "::ffff:1.2.3.4" } },
        { { "2001:db8::/32" },
          { "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "2001:DB8::1", "2001:0db8:0:0:0::7" },
          { "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db9::", "32.1.13.184" } },
        { { "2001:db8::1" }, { "2001:db8::1", "2001:db8:0:0:0:0:0:1" }, { "2001:db8::", "2001:db8::2" } },
        { { "2001:db8::1/128" }, { "2001:db8::1" }, { "2001:db8::", "2001:db8::2" } },
        { { "2001:db8:0:1::/64" },
          { "2001:db8:0:1::", "2001:db8:0:1:ffff:ffff:ffff:ffff" },
          { "2001:db8:0:0:ffff:ffff:ffff:ffff", "2001:db8:0:2::" } },
        { { "2001:db8::/63" }, { "2001:db8:0:1::5" }, { "2001:db8:0:2::" } },
        { { "2001:db8:0:0:8000::/65" },
          { "2001:db8::8000:0:0:0", "2001:db8::ffff:ffff:ffff:ffff" },
          { "2001:db8::7fff:ffff:ffff:ffff", "2001:db8:0:1::" } },
        { { "8000::/1" }, { "8000::", "ffff::1" }, { "7fff::1", "128.0.0.1" } },
        { { "::1" }, { "::1" }, { "::", "::2", "0.0.0.1", "127.0.0.1" } },
        { { "::ffff:1.2.3.4" }, { "1.2.3.4", "::ffff:1.2.3.4", "::ffff:102:304" }, { "1.2.3.5", "::1.2.3.4" } },
        { { "::ffff:1.2.3.0/120" }, { "1.2.3.0", "1.2.3.255", "::ffff:1.2.3.7" }, { "1.2.2.255", "1.2.4.0" } },
        { { "::ffff:0:0/96" }, { "0.0.0.0", "255.255.255.255", "::ffff:9.9.9.9" }, { "::1", "::fffe:9.9.9.9" } },
        { { "::ffff:a00:0/104" }, { "10.1.2.3" }, { "11.0.0.0" } },
        { { "::/96" }, { "::1.2.3.4", "::" }, { "1.2.3.4", "::1:0:0" } },
        { { "fe80::/10" }, { "fe80::1", "febf::1" }, { "fec0::", "fe7f::1" } },
        /* Several, in any order, that touch, lie within each other or are there twice. */
        { { "198.51.100.0/24", "203.0.113.0/24", "192.0.2.0/24" },
          { "192.0.2.9", "198.51.100.9", "203.0.113.9" },
          { "192.0.3.0", "198.51.99.0", "203.0.114.0" } },
        { { "10.0.0.0/8", "10.1.0.0/16", "10.1.2.3", "10.0.0.0/8" },
          { "10.1.2.3", "10.1.2.4", "10.200.0.0" },
          { "11.0.0.0" } },
        { { "10.1.2.3", "10.1.0.0/16", "10.0.0.0/8", "11.0.0.0/8" },
          { "10.0.0.0", "11.255.255.255" },
          { "9.0.0.0", "12.0.0.0" } },
        { { "2001:db8::/32", "10.0.0.0/8", "::1", "127.0.0.1" },
          { "2001:db8::5", "10.5.5.5", "::1", "127.0.0.1" },
          { "127.0.0.2", "::2", "2001:db9::" } },
        { { NULL }, { NULL }, { "0.0.0.0", "::", "127.0.0.1" } },
    };
    int asked = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ip_block blocks[4];
        struct address_set set = { .blocks = blocks };
        struct fault fault;
        for (; set.count < 4 && cases[i].blocks[set.count]; set.count++) {
            if (!ip_block_parse(cases[i].blocks[set.count], &blocks[set.count], &fault))
                fail_msg("%s", fault.text);
        }
        address_set_finish(&set);
        for (int wanted = 1; wanted >= 0; wanted--) {
            const char *const *texts = wanted ? cases[i].held : cases[i].others;
            for (int at = 0; at < (wanted ? 8 : ALL) && texts[at]; at++, asked++) {
                struct ip ip;
                if (!ip_parse(bytes_of(texts[at]), &ip))
                    fail_msg("%s is an address", texts[at]);
                if (address_set_contains(&set, &ip) != wanted)
                    fail_msg("%s … %s %s", cases[i].blocks[0], wanted ? "holds" : "does not hold", texts[at]);
            }
        }
    }
    assert_true(asked >= 60);
}

static void mistakes_are_told_with_what_was_meant(void **state) {
    static const struct {
        const char *text, *words;
    } cases[] = {
        { "", "an address is missing in \"\"" },
        { "/24", "an address is missing in \"/24\"" },
        { "203.0.113.7/24",
          "has bits set behind its prefix; write 203.0.113.0/24, or 203.0.113.7 for that address alone" },
        { "203.0.113.1/0", "write 0.0.0.0/0, or 203.0.113.1 for" },
        { "192.0.2.1/31", "write 192.0.2.0/31, or 192.0.2.1 for" },
        { "2001:db8::1/32", "write 2001:db8::/32, or 2001:db8::1 for" },
        { "2001:db8:0:0:1::/64", "write 2001:db8::/64, or 2001:db8:0:0:1:: for" },
        { "2001:db8::8000:0:0:1/65", "write 2001:db8:0:0:8000::/65, or" },
        { "::ffff:1.2.3.4/120", "write 1.2.3.0/24, or 1.2.3.4 for" },
        { "::ffff:1.2.3.4/24", "is an IPv4 address that is written as IPv6: its prefix is from /96 to /128" },
        { "::ffff:0:0/95", "its prefix is from /96 to /128" },
        { "10.0.0.0/33", "how many bits of the address count, from 0 to 32, like /24" },
        { "10.0.0.0/", "how many bits" },
        { "10.0.0.0/-1", "how many bits" },
        { "10.0.0.0/+8", "how many bits" },
        { "10.0.0.0/08", "how many bits" },
        { "10.0.0.0/8 ", "how many bits" },
        { "10.0.0.0/ 8", "how many bits" },
        { "10.0.0.0/8/8", "how many bits" },
        { "10.0.0.0/0x8", "how many bits" },
        { "10.0.0.0/4294967304", "how many bits" },
        { "10.0.0.0/255.0.0.0", "a netmask like 255.255.255.0 is /24" },
        { "2001:db8::/129", "from 0 to 128, like /96" },
        { "::ffff:1.2.3.4/129", "from 96 to 128" },
        { "fe80::1%eth0", "names an interface of this machine; write the address without it: fe80::1" },
        { "fe80::%eth0/64", "write the address without it: fe80::" },
        { "[2001:db8::1]", "without brackets, and without a port" },
        { "[2001:db8::1]:443", "without brackets, and without a port" },
        { "203.0.113.1:443", "senders come from any port; write the address alone: 203.0.113.1" },
        { "10.0.0", "no IPv4 address (four numbers from 0 to 255, without leading zeros)" },
        { "10", "no IPv4 address" },
        { "10.0.0.256", "no IPv4 address" },
        { "010.0.0.1", "without leading zeros" },
        { "10.0.0.1.2", "no IPv4 address" },
        { "10.0.0.*", "a range is written as prefixes" },
        { "10.0.0.1-10.0.0.9", "a range is written as prefixes" },
        { "10.0.0.1 10.0.0.2", "no IPv4 address" },
        { " 10.0.0.1", "no IPv4 address" },
        { "2001:db8::1::2", "no IPv6 address" },
        { "2001:db8", "no IPv6 address" },
        { "12345::", "no IPv6 address" },
        { "localhost", "names are not looked up, write the addresses that they stand for" },
        { "hooks.example.com", "names are not looked up" },
        { "all", "names are not looked up" },
        { "0x7f.0.0.1", "names are not looked up" },
        { "10.0.0.1a", "names are not looked up" },
        { "\xc3\xa4", "names are not looked up" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ip_block block;
        struct fault fault = { "" };
        if (ip_block_parse(cases[i].text, &block, &fault))
            fail_msg("%s was taken", cases[i].text);
        if (!strstr(fault.text, cases[i].words))
            fail_msg("%s: %s", cases[i].text, fault.text);
        assert_false(ip_block_parse(cases[i].text, &block, NULL));
    }
}

static void addresses_alone(void **state) {
    static const struct {
        const char *text, *shown; /* null: none */
    } cases[] = {
        { "0.0.0.0", "0.0.0.0" },
        { "255.255.255.255", "255.255.255.255" },
        { "::", "::" },
        { "::ffff:192.0.2.1", "192.0.2.1" },
        { "0:0:0:0:0:ffff:c000:201", "192.0.2.1" },
        { "2001:0DB8:0000:0000:0000:0000:0000:0001", "2001:db8::1" },
        { "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
        { "::1%lo", NULL },
        { "[::1]", NULL },
        { "1.2.3.4:5", NULL },
        { "1.2.3.4/32", NULL },
        { "1.2.3", NULL },
        { "1.2.3.04", NULL },
        { "1.2.3.4 ", NULL },
        { "", NULL },
        { "unknown", NULL },
        { "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.2555", NULL },
        { "1111111111111111111111111111111111111111111111111111111111111111", NULL },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ip ip;
        char shown[IP_TEXT_SIZE];
        assert_int_equal(ip_parse(bytes_of(cases[i].text), &ip), cases[i].shown != NULL);
        if (!cases[i].shown)
            continue;
        ip_format(&ip, shown);
        assert_string_equal(shown, cases[i].shown);
    }
    struct ip ip;
    assert_false(ip_parse((struct bytes){ "1.2.3.4\0", 8 }, &ip));
    assert_true(ip_parse((struct bytes){ "1.2.3.45", 7 }, &ip));
    assert_int_equal(ip.low, 0x01020304);
}

static void addresses_of_sockets(void **state) {
    struct sockaddr_in ipv4 = { .sin_family = AF_INET };
    struct sockaddr_in6 ipv6 = { .sin6_family = AF_INET6, .sin6_scope_id = 3 };
    struct sockaddr other = { .sa_family = AF_UNIX };
    struct ip ip, same;
    char text[IP_TEXT_SIZE];
    inet_pton(AF_INET, "192.0.2.200", &ipv4.sin_addr);
    assert_true(ip_of_socket((struct sockaddr *)&ipv4, &ip));
    ip_format(&ip, text);
    assert_string_equal(text, "192.0.2.200");
    inet_pton(AF_INET6, "::ffff:192.0.2.200", &ipv6.sin6_addr);
    assert_true(ip_of_socket((struct sockaddr *)&ipv6, &same));
    assert_memory_equal(&ip, &same, sizeof ip);
    inet_pton(AF_INET6, "fe80::12:3", &ipv6.sin6_addr);
    assert_true(ip_of_socket((struct sockaddr *)&ipv6, &ip));
    ip_format(&ip, text);
    assert_string_equal(text, "fe80::12:3");
    assert_false(ip_of_socket(&other, &ip));
}

/* Against a plain look at each block. */
static void long_lists(void **state) {
    enum { BLOCKS = 1024 };
    static struct ip_block blocks[BLOCKS], plain[BLOCKS];
    struct address_set set = { .blocks = blocks };
    unsigned seed = 7;
    for (int i = 0; i < BLOCKS; i++, set.count++) {
        unsigned bits = 16 + (unsigned)rand_r(&seed) % 17, mask = UINT32_MAX << (32 - bits);
        unsigned address = ((unsigned)rand_r(&seed) << 16 ^ (unsigned)rand_r(&seed)) & 0x0fffffff & mask;
        blocks[i] = (struct ip_block){ .first = { .low = address }, .last = { .low = address | ~mask } };
        plain[i] = blocks[i];
    }
    address_set_finish(&set);
    assert_true(set.count < BLOCKS);
    int held = 0;
    for (int i = 0; i < 100000; i++) {
        const struct ip_block *near = &plain[rand_r(&seed) % BLOCKS];
        struct ip ip = { .low = near->first.low + (unsigned)rand_r(&seed) % 4096 - 2048 };
        bool wanted = false;
        ip.low &= UINT32_MAX;
        for (int at = 0; at < BLOCKS && !wanted; at++)
            wanted = plain[at].first.low <= ip.low && ip.low <= plain[at].last.low;
        held += wanted;
        assert_int_equal(address_set_contains(&set, &ip), wanted);
    }
    assert_in_range(held, 10000, 90000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_hold_what_they_say),
        cmocka_unit_test(mistakes_are_told_with_what_was_meant),
        cmocka_unit_test(addresses_alone),
        cmocka_unit_test(addresses_of_sockets),
        cmocka_unit_test(long_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
