/* Numbers of source and type names, from memory for those seen lately. Only the writing connection's thread uses it. */
#ifndef STORE_SQLITE_NAMES_H
#define STORE_SQLITE_NAMES_H

#include <stdint.h>

#include "base/bytes.h"

struct store;

enum {
    NAMES_LIMIT = 1024, /* a sender may invent types without end: the memory starts afresh when it is full */
    NAMES_SLOTS = 4096,
};

struct names {
    struct name_entry *entries[NAMES_SLOTS]; /* by hash; the next free slot if taken */
    int count;
};

/* The number of `text`, which is written if it is new. Returns SQLite's result. */
int names_number(struct store *store, struct bytes text, int64_t *number);
/* Forgets all: after a rollback, since some of them may not exist any more; and at the end. */
void names_forget(struct names *names);

#endif
