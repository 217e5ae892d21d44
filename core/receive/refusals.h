/* The last refusals of each source with their reasons, in memory: what a person asks for when a sender says "you refuse my events".
 * Any thread may note and copy. Neither a secret nor anything of a body is ever in a reason. */
#ifndef RECEIVE_REFUSALS_H
#define RECEIVE_REFUSALS_H

#include <stdint.h>

#include "base/fault.h"
#include "receive/answer.h"

struct setup;
struct refusals;

enum {
    REFUSALS_KEPT = 100,        /* of each source, and as many that came to none */
    REFUSAL_REASON_LIMIT = 240, /* bytes; the end of a longer one is cut */
    REFUSAL_FROM_SIZE = 64,
};

struct refusal {
    uint64_t number; /* counts all of them, so that those of several sources can be put into one order */
    int64_t at_ms;   /* wall time */
    enum answer answer;
    char from[REFUSAL_FROM_SIZE], via[REFUSAL_FROM_SIZE]; /* via: the proxy that spoke for it, or "" */
    char reason[REFUSAL_REASON_LIMIT + sizeof("…")]; /* as it was logged; strangers may have put any byte into it */
};

/* All the memory that will ever be needed. Null with the reason. The setup is not kept. */
struct refusals *refusals_make(const struct setup *setup, struct fault *fault);
void refusals_free(struct refusals *refusals); /* null is allowed */

/* `source` is an index of the setup, or source_count for a request that came to none. */
void refusals_note(struct refusals *refusals, int source, enum answer answer, const char *from, const char *via,
                   const char *reason);

/* Sources have the numbers 0 … count-1; the last stands for none, and its name is null. */
int refusals_source_count(const struct refusals *refusals);
const char *refusals_source_name(const struct refusals *refusals, int source);
/* The last ones of one source, oldest first. `copies` has room for REFUSALS_KEPT; returns how many there are. */
int refusals_copy(struct refusals *refusals, int source, struct refusal *copies);

#endif
