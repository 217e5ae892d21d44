/* How many rows of each kind there are, so that nobody has to count them: in memory as committed and as the open
 * transaction leaves them, and on disk in the table `tally`, of which each commit writes the rows that it changed. */
#ifndef STORE_SQLITE_TALLY_H
#define STORE_SQLITE_TALLY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"

struct store;

struct tally {
    int64_t pending, retrying, dead;
};
struct tally_row {
    struct tally committed, working;
    bool reopened; /* the open transaction made deliveries of it due that no pool knows of */
};
struct tallies {
    struct tally_row *rows; /* by plugin number; 0 stands for the whole: events as pending, unrouted ones as dead */
    int count;
};

/* Room for all plugins up to this number; before the writer thread runs. False: no memory. */
bool tally_reserve(struct tallies *tallies, int plugin);
bool tally_load(struct store *store, int last_plugin, struct fault *fault);
void tally_free(struct tallies *tallies);

/* Within a transaction: the working copy, to be changed. Null: there is no such plugin. */
struct tally *tally_of(struct store *store, int plugin);
int tally_write(struct store *store); /* last, before the commit; SQLite's result */
/* After it: exactly one of these. */
void tally_committed(struct tallies *tallies);
void tally_rolled_back(struct tallies *tallies);

#endif
