/* The sorted hash table. */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "store/sqlite/digest_set.h"

struct digest_entry digest_entry_of(const unsigned char digest[EVENT_DIGEST_SIZE], int64_t event, uint64_t body) {
    uint64_t halves[2];
    memcpy(halves, digest, sizeof halves);
    return (struct digest_entry){ .high = be64toh(halves[0]), .low = be64toh(halves[1]), .event = event, .body = body };
}

int digest_compare(const struct digest_entry *a, const struct digest_entry *b) {
    if (a->high != b->high) {
        return a->high < b->high ? -1 : 1;
    }
    return a->low < b->low ? -1 : a->low > b->low;
}

bool digest_set_make(struct digest_set *set) {
    *set = (struct digest_set){ .slots = calloc(DIGEST_SET_SLOTS, sizeof *set->slots) };
    return set->slots;
}

void digest_set_free(struct digest_set *set) {
    free(set->slots);
    *set = (struct digest_set){ 0 };
}

static size_t entry_home(const struct digest_entry *entry) {
    return entry->high >> (64 - DIGEST_SET_BITS);
}

/* The slot that holds it; if it is not there, the one where it would go. */
static size_t set_place(const struct digest_set *set, const struct digest_entry *entry, bool *found) {
    size_t at = entry_home(entry);
    int order = 1;
    while (set->slots[at].event != 0 && (order = digest_compare(&set->slots[at], entry)) < 0) {
        at++;
    }
    *found = set->slots[at].event != 0 && order == 0;
    return at;
}

bool digest_set_add(struct digest_set *set, struct digest_entry entry) {
    bool found;
    size_t at = set_place(set, &entry, &found), end = at;
    if (found) {
        return false;
    }
    while (set->slots[end].event != 0) {
        end++;
    }
    memmove(&set->slots[at + 1], &set->slots[at], (end - at) * sizeof entry);
    set->slots[at] = entry;
    set->count++;
    return true;
}

const struct digest_entry *digest_set_find(const struct digest_set *set, const struct digest_entry *entry) {
    if (set->count == 0) {
        return NULL;
    }
    bool found;
    size_t at = set_place(set, entry, &found);
    return found ? &set->slots[at] : NULL;
}

void digest_set_remove(struct digest_set *set, struct digest_entry entry) {
    bool found;
    size_t at = set_place(set, &entry, &found), end = at + 1;
    if (!found) {
        return;
    }
    while (end < DIGEST_SET_SLOTS && set->slots[end].event != 0 && entry_home(&set->slots[end]) < end) {
        end++; /* those that were pushed out of their place move back by one */
    }
    memmove(&set->slots[at], &set->slots[at + 1], (end - at - 1) * sizeof entry);
    set->slots[end - 1].event = 0;
    set->count--;
}

const struct digest_entry *digest_set_next(const struct digest_set *set, size_t *at) {
    while (*at < DIGEST_SET_SLOTS) {
        const struct digest_entry *entry = &set->slots[(*at)++];
        if (entry->event != 0) {
            return entry;
        }
    }
    return NULL;
}
