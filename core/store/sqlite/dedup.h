/* What was already accepted: the digest of each event's source and id, and of a guarded one (struct store_put) that of
 * its guard, which counts as one more key; both come and go together, being in the same row and the same run. A random
 * index over all digests would cost a page of writing per event, and more the more there are; so new ones are kept in
 * memory (and, as they come, in dedup_recent), and as soon as there are DEDUP_RUN_KEYS of them they mature into a run:
 * sorted pages that are written once, piecemeal, along with the next groups, and never changed. A run is asked only if
 * its filter says so. */
#ifndef STORE_SQLITE_DEDUP_H
#define STORE_SQLITE_DEDUP_H

#include "base/bytes.h"
#include "base/fault.h"
#include "store/sqlite/digest_set.h"
#include "store/store.h"

enum {
    DEDUP_RUN_KEYS = 65536,
    DEDUP_RUN_PAGES = 640, /* by the leading bits of the digest: about 102 keys on each, which fit a page of SQLite's */
    DEDUP_FILTER_BLOCKS = 1536,
    DEDUP_FILTER_SIZE = DEDUP_FILTER_BLOCKS * 64, /* 12 bits a key: one question in 150 is asked for nothing */
    DEDUP_FILTER_LIMIT = 512, /* 48 MiB of filters, for 33 million keys; older runs are always asked */
    DEDUP_FRESH_LIMIT = 1024, /* keys that one group adds: two for each put */
};

struct dedup_run {
    int64_t number;
    int64_t last_event;    /* the last row of dedup_recent in it; that row's other events are behind it */
    int64_t made_ms;       /* store_clock_ms when it was complete */
    unsigned char *filter; /* null: beyond the limit */
};

struct dedup {
    struct digest_set recent;           /* those of no run yet */
    struct digest_set maturing;         /* being written as a run; count 0: none is */
    int64_t recent_last, maturing_last; /* the highest row of dedup_recent that each covers */
    struct dedup_run *runs;             /* the oldest first */
    int run_count, run_capacity;
    struct dedup_run next_run; /* of maturing */

    /* How far the run in the making is: slot, page and keys so far, as committed, and as written by the open
     * transaction. */
    struct dedup_progress {
        size_t slot;
        int page, keys;
        int64_t forgotten; /* rows of dedup_recent up to here are deleted, being in runs */
    } committed, written;
    int64_t covered; /* up to here rows of dedup_recent are in runs */
    int64_t highest; /* event number that was found at the start */

    struct digest_entry fresh[DEDUP_FRESH_LIMIT]; /* added by the open transaction */
    int fresh_count;
    struct buffer page; /* room to pack one in */
};

/* Reads back what is needed; on the writing connection, before the writer thread runs. */
bool dedup_load(struct store *store, struct fault *fault);
void dedup_free(struct dedup *dedup);

/* Within the open transaction. Results are SQLite's. */
/* STORE_ACCEPTED: nothing of it was known, and it is remembered from now on. */
int dedup_add(struct store *store, const struct store_put *put, int64_t event, enum store_result *result);
int dedup_write(struct store *store); /* last, before the commit */
/* After it: exactly one of these. */
void dedup_committed(struct store *store);
void dedup_rolled_back(struct store *store);

/* dedup_run.c: the runs. */
int dedup_run_page(const struct digest_entry *entry); /* on which of its pages a run has it, if it does */
void dedup_filter_add(unsigned char *filter, const struct digest_entry *entry);
bool dedup_filter_may_have(const unsigned char *filter, const struct digest_entry *entry);
/* Is it in any run? *first is set if so. */
int dedup_runs_ask(struct store *store, const struct digest_entry *entry, bool *found, struct digest_entry *first);
/* Writes up to so many pages of the run in the making, and after the last one that it is complete. */
int dedup_run_write(struct store *store, int pages);
bool dedup_run_reserve(struct dedup *dedup); /* room for one more; false: out of memory */
void dedup_run_append(struct dedup *dedup, struct dedup_run run);
/* Entries as they are stored: big-endian, so that they sort as bytes. */
enum { DEDUP_ENTRY_SIZE = 32 };
void dedup_pack(struct buffer *page, const struct digest_entry *entry);
struct digest_entry dedup_unpack(const unsigned char *packed);

#endif
