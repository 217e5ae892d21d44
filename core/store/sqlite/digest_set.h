/* A set of digests in order: open addressing by their leading bits, which are as good as random, with every cluster
 * kept sorted. So the whole table is sorted without ever being sorted, and an addition moves few. */
#ifndef STORE_SQLITE_DIGEST_SET_H
#define STORE_SQLITE_DIGEST_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event/event.h"

enum {
    DIGEST_SET_LIMIT = 98304,
    DIGEST_SET_BITS = 17, /* of the digest say where its place is */
    /* Behind the last place there is room for all of them, should they all belong there; memory that is not touched
     * costs nothing. */
    DIGEST_SET_SLOTS = (1 << DIGEST_SET_BITS) + DIGEST_SET_LIMIT,
};

struct digest_entry {
    uint64_t high, low; /* the digest, first byte highest */
    int64_t event;      /* whose it is; 0: the slot is free */
    uint64_t body;      /* the hash of that event's body */
};

struct digest_set {
    struct digest_entry *slots; /* null: none yet */
    int count;
};

struct digest_entry digest_entry_of(const unsigned char digest[EVENT_DIGEST_SIZE], int64_t event, uint64_t body);
int digest_compare(const struct digest_entry *a, const struct digest_entry *b);

bool digest_set_make(struct digest_set *set); /* false: out of memory */
void digest_set_free(struct digest_set *set);
/* False if it is there already; the caller keeps below the limit. */
bool digest_set_add(struct digest_set *set, struct digest_entry entry);
/* The entry that has this digest, or null. */
const struct digest_entry *digest_set_find(const struct digest_set *set, const struct digest_entry *entry);
void digest_set_remove(struct digest_set *set, struct digest_entry entry);
/* The first entry at or behind slot *at, in order; moves *at behind it; null at the end. */
const struct digest_entry *digest_set_next(const struct digest_set *set, size_t *at);

#endif
