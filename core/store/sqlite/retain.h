/* What goes by itself, so that a store stays within its bounds: events, dead letters and ids that are old enough, and
 * before their time the oldest events when it takes more of the disk than it may. The writer thread deletes in slices
 * between two groups, each a small commit of its own: when it has nothing else to do, and under load often enough to
 * keep up with what comes in. */
#ifndef STORE_SQLITE_RETAIN_H
#define STORE_SQLITE_RETAIN_H

#include <sqlite3.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"
#include "store/store.h"

enum {
    RETAIN_SLICE_US = 20000,               /* after so long a slice ends */
    RETAIN_SLICE_EVENTS = 500,             /* or after so many events … */
    RETAIN_SLICE_BYTES = 16 * 1024 * 1024, /* … or bytes of them: each page of a large one is looked at */
    RETAIN_SLICE_LETTERS = 128,
    RETAIN_SLICE_PAGES = 64, /* of a run of ids that is no more */
};

enum retain_statement {
    RETAIN_EVENT_FIRST,
    RETAIN_EVENT_HELD,
    RETAIN_EVENT_AGES,
    RETAIN_EVENT_REMOVE,
    RETAIN_EVENT_HIGHEST,
    RETAIN_UNROUTED_REMOVE,
    RETAIN_ATTEMPT_REMOVE,
    RETAIN_JOURNAL_REMOVE,
    RETAIN_LETTER_OLDEST,
    RETAIN_LETTER_REMOVE,
    RETAIN_LETTER_EVENT,
    RETAIN_RUN_REMOVE,
    RETAIN_PAGE_REMOVE,
    RETAIN_PAGES,
    RETAIN_FREE_PAGES,
    RETAIN_STATEMENTS,
};

/* Where the search for events that may go is. It goes from the first event on, past those that are held by an open
 * delivery or a dead letter, to the first that is too young, and waits there. Now and then it begins anew, for those
 * that were held when it passed them. */
struct sweep {
    int64_t next;          /* number of the event to look at next */
    int64_t began_us;      /* monotonic: at the first event; 0: never */
    int64_t busy_us;       /* it has worked for so long since */
    int64_t rest_until_us; /* there is nothing to do before */
    int64_t gone;          /* events that it deleted since it began */
    bool whole;            /* it began at the first event with `early` set already */
    bool fruitless;        /* a whole one, with `early` set, found nothing */
};

struct retain {
    /* struct store_retain; from any thread. 0: for ever, without a limit. */
    _Atomic int64_t events_ms, ids_ms, dead_ms, disk_bytes;
    _Atomic bool changed;

    /* The writer thread's own. */
    sqlite3_stmt *statements[RETAIN_STATEMENTS];
    bool early; /* above disk_bytes: events go whatever their age, see room.c */
    struct sweep sweep;
    int64_t letters_rest_until_us, ids_rest_until_us;
    bool pages_left; /* in `dedup` there may be pages of runs that are no more */
    int64_t pace;    /* what came since the latest slice */
    int64_t ran_at_us, failed_until_us;
    /* Since it was told last. */
    int64_t letters_gone, early_gone, early_told_us;
};

/* One slice. */
struct retain_slice {
    int64_t now_ms; /* the earlier of the wall clock and the store's own: neither may be believed when it leaps ahead */
    /* Ends of what is kept for long enough: INT64_MIN for ever, INT64_MAX for no time. */
    int64_t received_before_ms, dead_before_ms, made_before_ms;
    int64_t until_us; /* monotonic */
    int event_limit;
    /* What it did, to be kept after its commit. */
    struct sweep sweep;
    bool young;                /* the sweep came to an event that has to stay: not before then … */
    bool end;                  /* … or to the last one */
    int events, letters, runs; /* all events; those of the sweep alone: */
    int swept;
    int64_t bytes;
    bool letters_left, ids_left;
    int run; /* the place of the run that was deleted, if `runs` */
};

/* When the store is opened. */
bool retain_open(struct store *store, const struct store_retain *settings, struct fault *fault);
void retain_close(struct store *store);

/* On the writer thread. */
/* There is nothing else to do: one slice, if there is work for it; then true. */
bool retain_idle(struct store *store, int64_t now_us);
void retain_after_group(struct store *store, int accepted, int settled);
void retain_early(struct store *store, bool early); /* from now on, or no longer */

/* Within a transaction; SQLite's results. */
int retain_events(struct store *store, struct retain_slice *slice); /* retain_events.c */
int retain_event_remove(struct store *store, struct retain_slice *slice, int64_t first, int64_t last); /* all of them */
int retain_journal_remove(struct store *store, int64_t first, int64_t last); /* of blocks without events */
int retain_letters(struct store *store, struct retain_slice *slice);         /* retain_letters.c */
int retain_ids(struct store *store, struct retain_slice *slice);             /* retain_ids.c */
void retain_ids_committed(struct store *store, const struct retain_slice *slice);

#endif
