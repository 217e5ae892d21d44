/* How many connections each address has open. Of one thread. */
#ifndef RECEIVE_CROWD_H
#define RECEIVE_CROWD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct crowd;

/* Room for `connections` of them. Null when memory is short. */
struct crowd *crowd_make(size_t connections);
void crowd_free(struct crowd *crowd); /* null is allowed */

/* What an address is counted as: an IPv4 address itself, also one that is mapped into IPv6; of IPv6 the first 64 bits. One
 * customer of a provider has at least so much of it, and could connect from each of 2^64 addresses once. */
struct crowd_key {
    uint64_t number;
    bool six;
};
struct crowd_key crowd_key(const struct sockaddr *address);

/* One more of this address, if there are fewer than `limit`. */
bool crowd_enter(struct crowd *crowd, struct crowd_key key, int64_t limit);
void crowd_leave(struct crowd *crowd, struct crowd_key key);

#endif
