/* Parsing addresses and prefixes, and looking for an address among many. */
#include "config/address_set.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/units.h"

enum { IPV4_BITS = 32, IPV6_BITS = 128, MAPPED_BITS = 96 /* of ::ffff:0:0, in front of an IPv4 address */ };

/* ---- one address ---- */

static void ip_of_ipv6(const struct in6_addr *binary, struct ip *ip) {
    *ip = (struct ip){ .ipv6 = !IN6_IS_ADDR_V4MAPPED(binary) };
    for (int i = 0; i < 8; i++) {
        ip->high = ip->high << 8 | binary->s6_addr[i];
        ip->low = ip->low << 8 | binary->s6_addr[8 + i];
    }
    if (!ip->ipv6)
        ip->low &= UINT32_MAX;
}

static void ip_of_ipv4(const struct in_addr *binary, struct ip *ip) {
    *ip = (struct ip){ .low = ntohl(binary->s_addr) };
}

bool ip_parse(struct bytes text, struct ip *ip) {
    char terminated[IP_TEXT_SIZE];
    struct in6_addr ipv6;
    struct in_addr ipv4;
    if (text.length == 0 || text.length >= sizeof terminated || memchr(text.data, '\0', text.length))
        return false;
    memcpy(terminated, text.data, text.length);
    terminated[text.length] = '\0';
    if (inet_pton(AF_INET, terminated, &ipv4) == 1)
        ip_of_ipv4(&ipv4, ip);
    else if (inet_pton(AF_INET6, terminated, &ipv6) == 1)
        ip_of_ipv6(&ipv6, ip);
    else
        return false;
    return true;
}

void ip_format(const struct ip *ip, char text[IP_TEXT_SIZE]) {
    struct in_addr ipv4 = { htonl((uint32_t)ip->low) };
    struct in6_addr ipv6;
    for (int i = 0; i < 8; i++) {
        ipv6.s6_addr[i] = (uint8_t)(ip->high >> (56 - 8 * i));
        ipv6.s6_addr[8 + i] = (uint8_t)(ip->low >> (56 - 8 * i));
    }
    if (ip->ipv6)
        inet_ntop(AF_INET6, &ipv6, text, IP_TEXT_SIZE);
    else
        inet_ntop(AF_INET, &ipv4, text, IP_TEXT_SIZE);
}

bool ip_of_socket(const struct sockaddr *address, struct ip *ip) {
    if (address->sa_family == AF_INET6)
        ip_of_ipv6(&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, ip);
    else if (address->sa_family == AF_INET)
        ip_of_ipv4(&((const struct sockaddr_in *)(const void *)address)->sin_addr, ip);
    else
        return false;
    return true;
}

static int ip_compare(const struct ip *a, const struct ip *b) {
    if (a->ipv6 != b->ipv6)
        return a->ipv6 ? 1 : -1;
    if (a->high != b->high)
        return a->high > b->high ? 1 : -1;
    return a->low == b->low ? 0 : a->low > b->low ? 1 : -1;
}

/* ---- one block ---- */

/* What was probably meant by a text that begins with no address. `end`: where the prefix begins, or the text ends. */
static bool block_blame(const char *text, const char *end, struct fault *fault) {
    const char *colon = memchr(text, ':', (size_t)(end - text)), *zone = memchr(text, '%', (size_t)(end - text));
    struct ip ip;
    if (text == end)
        return fault_set(fault, "an address is missing in \"%.80s\"; write one like 203.0.113.0/24 or 2001:db8::/32",
                         text);
    if (zone && ip_parse((struct bytes){ text, (size_t)(zone - text) }, &ip))
        return fault_set(fault, "\"%.80s\" names an interface of this machine; write the address without it: %.*s",
                         text, (int)(zone - text), text);
    if (text[0] == '[')
        return fault_set(fault, "\"%.80s\": write an IPv6 address without brackets, and without a port", text);
    if (colon && ip_parse((struct bytes){ text, (size_t)(colon - text) }, &ip))
        return fault_set(fault, "\"%.80s\": senders come from any port; write the address alone: %.*s", text,
                         (int)(colon - text), text);
    if (strspn(text, "0123456789./-* ") == strlen(text))
        return fault_set(fault,
                         "\"%.80s\" is no IPv4 address (four numbers from 0 to 255, without leading zeros); a range is "
                         "written as prefixes, like 203.0.113.0/24",
                         text);
    if (colon)
        return fault_set(fault, "\"%.80s\" is no IPv6 address; write one like 2001:db8::1 or 2001:db8::/32", text);
    return fault_set(fault, "\"%.80s\" is no address; names are not looked up, write the addresses that they stand for",
                     text);
}

/* The number of bits behind the slash. */
static bool prefix_parse(const char *text, int most, int *prefix) {
    int64_t bits;
    if (strspn(text, "0123456789") < strlen(text) || (text[0] == '0' && text[1]) || !integer_parse(text, &bits) ||
        bits > most)
        return false;
    *prefix = (int)bits;
    return true;
}

/* The block of all addresses whose first `prefix` bits are those of `ip`. */
static void block_fill(const struct ip *ip, int prefix, struct ip_block *block) {
    int host = (ip->ipv6 ? IPV6_BITS : IPV4_BITS) - prefix;
    uint64_t low = host >= 64 ? UINT64_MAX : (UINT64_C(1) << host) - 1;
    uint64_t high = host <= 64 ? 0 : host == IPV6_BITS ? UINT64_MAX : (UINT64_C(1) << (host - 64)) - 1;
    block->first = (struct ip){ ip->ipv6, ip->high & ~high, ip->low & ~low };
    block->last = (struct ip){ ip->ipv6, ip->high | high, ip->low | low };
}

bool ip_block_parse(const char *text, struct ip_block *block, struct fault *fault) {
    const char *slash = strchr(text, '/'), *end = slash ? slash : text + strlen(text);
    char first[IP_TEXT_SIZE], alone[IP_TEXT_SIZE];
    struct ip ip;
    if (!ip_parse((struct bytes){ text, (size_t)(end - text) }, &ip))
        return block_blame(text, end, fault);
    bool mapped = !ip.ipv6 && memchr(text, ':', (size_t)(end - text));
    int most = ip.ipv6 || mapped ? IPV6_BITS : IPV4_BITS, prefix = most;
    if (slash && !prefix_parse(slash + 1, most, &prefix))
        return fault_set(fault,
                         "\"%.80s\": behind the slash stands how many bits of the address count, from %d to %d, like "
                         "/%d (a netmask like 255.255.255.0 is /24)",
                         text, mapped ? MAPPED_BITS : 0, most, most * 3 / 4);
    if (mapped && prefix < MAPPED_BITS)
        return fault_set(fault, "\"%.80s\" is an IPv4 address that is written as IPv6: its prefix is from /%d to /%d",
                         text, MAPPED_BITS, IPV6_BITS);
    prefix -= mapped ? MAPPED_BITS : 0;
    block_fill(&ip, prefix, block);
    if (ip_compare(&ip, &block->first) == 0)
        return true;
    ip_format(&block->first, first);
    ip_format(&ip, alone);
    return fault_set(fault, "\"%.80s\" has bits set behind its prefix; write %s/%d, or %s for that address alone", text,
                     first, prefix, alone);
}

bool ip_block_holds(const struct ip_block *outer, const struct ip_block *inner) {
    return ip_compare(&outer->first, &inner->first) <= 0 && ip_compare(&inner->last, &outer->last) <= 0;
}

bool ip_block_overlaps(const struct ip_block *a, const struct ip_block *b) {
    return ip_compare(&a->first, &b->last) <= 0 && ip_compare(&b->first, &a->last) <= 0;
}

/* ---- sets ---- */

/* The wider one first where two begin alike. */
static int block_compare(const void *a, const void *b) {
    const struct ip_block *left = a, *right = b;
    int order = ip_compare(&left->first, &right->first);
    return order ? order : ip_compare(&right->last, &left->last);
}

void address_set_finish(struct address_set *set) {
    int kept = 0;
    if (set->count > 1)
        qsort(set->blocks, (size_t)set->count, sizeof *set->blocks, block_compare);
    for (int i = 0; i < set->count; i++) {
        /* Prefixes never overlap in part: what begins within the one before ends within it. */
        if (kept == 0 || ip_compare(&set->blocks[i].first, &set->blocks[kept - 1].last) > 0)
            set->blocks[kept++] = set->blocks[i];
    }
    set->count = kept;
}

/* A search by halves: ten comparisons for the longest list that is allowed, as this is asked for each request. */
bool address_set_contains(const struct address_set *set, const struct ip *ip) {
    int low = 0, high = set->count;
    while (low < high) {
        int middle = low + (high - low) / 2;
        if (ip_compare(&set->blocks[middle].first, ip) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 && ip_compare(ip, &set->blocks[low - 1].last) <= 0;
}
