/* IP addresses, and sets of them as a config lists them: 203.0.113.0/24, 2001:db8::/32, 192.0.2.1, ::1. */
#ifndef CONFIG_ADDRESS_SET_H
#define CONFIG_ADDRESS_SET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/fault.h"

/* An IPv4 address that is written as IPv6 (::ffff:192.0.2.1), as sockets for both families do, is that IPv4 address. */
struct ip {
    bool ipv6;
    uint64_t high, low; /* in this machine's order; an IPv4 address is the lower half of `low` */
};

enum { IP_TEXT_SIZE = 46 }; /* of the longest IPv6 address, with its terminator */

/* An address and nothing else: no port, brackets, zone or prefix, no leading zeros in IPv4. */
bool ip_parse(struct bytes text, struct ip *ip);
void ip_format(const struct ip *ip, char text[IP_TEXT_SIZE]);
struct sockaddr;
/* False for a socket of another family. A zone (of fe80::…) is left out. */
bool ip_of_socket(const struct sockaddr *address, struct ip *ip);

/* From the first to the last address of a prefix. */
struct ip_block {
    struct ip first, last;
};

/* "ADDRESS/BITS", or an address, which is a block of one. False with what is wrong and what was probably meant. IPv6 prefixes hold
 * no IPv4 addresses, unless they are written as ::ffff:0:0/96 and longer. */
bool ip_block_parse(const char *text, struct ip_block *block, struct fault *fault);
bool ip_block_holds(const struct ip_block *outer, const struct ip_block *inner);
bool ip_block_overlaps(const struct ip_block *a, const struct ip_block *b);

/* The blocks are its owner's. */
struct address_set {
    struct ip_block *blocks; /* sorted, and none overlaps another */
    int count;
};

/* To be called once all blocks are there: sorts them, and drops those that lie within another. */
void address_set_finish(struct address_set *set);
bool address_set_contains(const struct address_set *set, const struct ip *ip);

#endif
