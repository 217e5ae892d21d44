/* What any engine of the store must do: make events durable before their senders hear 200, hold each delivery until it
 * is settled, and say what is due. One writer thread does all writes; readers are separate and read only. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"
#include "base/log.h"
#include "event/event.h"

struct store;

enum store_result {
    STORE_ACCEPTED,    /* on disk */
    STORE_DUPLICATE,   /* the first copy is on disk */
    STORE_CONFLICT,    /* a duplicate too: its id was accepted, but with another body; that first one is on disk */
    STORE_REPLAY,      /* a duplicate too: its id is new, but its guard was accepted; that first one is on disk */
    STORE_UNAVAILABLE, /* not stored: disk full, I/O error, locked; the sender must try again */
};

/* One event on its way to disk. Memory of the caller, untouched by it between store_put and done. */
struct store_put {
    struct store_put *next;                  /* the store's */
    struct event *event;                     /* the caller's reference; its number is set by the store */
    unsigned char digest[EVENT_DIGEST_SIZE]; /* of source and id, see event_digest: never accepted twice */
    unsigned char guard[EVENT_DIGEST_SIZE];  /* if guarded, of what was signed, see signature_guard: neither is this */
    bool guarded;
    /* The store's, of the body: tells whether an id comes again with the same bytes. It is no defence and needs none, since
     * whoever chooses the bytes holds the secret; two bodies that share it cost no more than a missing warning. */
    uint64_t body_hash;
    const int *plugins; /* store numbers (store_plugin) of the plugins that it is routed to */
    int plugin_count;   /* 0: kept as unrouted */
    /* Called once, on the writer thread, after the commit (or its failure) that decided; must not block. The put may be
     * gone when it returns. */
    void (*done)(struct store_put *put, enum store_result result);
};

enum store_settlement {
    STORE_DONE,  /* the delivery is over; a line of the journal is written */
    STORE_LATER, /* another attempt at due_ms */
    STORE_DEAD,  /* a dead letter */
};

enum store_reason { STORE_REASON_FAIL, STORE_REASON_ATTEMPTS, STORE_REASON_GIVE_UP, STORE_REASON_POISON };
const char *store_reason_text(enum store_reason reason); /* "fail" "attempts" "give_up" "poison" */

/* What became of an attempt. Made by the caller with malloc (store_settle_make), taken over by store_settle: freed by the store, unless it comes back with `given_up`. */
struct store_settle {
    struct store_settle *next; /* the store's */
    int64_t event;             /* its number */
    int plugin;                /* store number */
    enum store_settlement settlement;
    enum store_reason reason; /* of STORE_DEAD */
    int attempts, crashes;    /* including this one */
    int64_t at_ms, due_ms;    /* unix */
    int64_t duration_us;
    bool given_up; /* the store's */
    char detail[]; /* what the plugin said, terminated, at most STORE_DETAIL_LIMIT bytes; "" if nothing */
};
enum { STORE_DETAIL_LIMIT = 1024 };
/* The rest zeroed; detail cut at the limit; null if memory is short. */
struct store_settle *store_settle_make(const char *detail);
void store_settle_free(struct store_settle *first); /* and all behind it; null is allowed */

/* Who is told on the writer thread after each commit. Must not block. */
struct store_listener {
    void *context;
    /* Newly stored puts of this commit in order of event number, before their `done` is called: take references to the
     * events (event_hold). And how many settles it decided, in the order of store_settle: written, or given up. */
    void (*committed)(void *context, struct store_put *const *accepted, int accepted_count, int settled_count);
    /* Called before it if there are such: settles that the database refuses for a reason of their own, a list by `next`
     * in the order of store_settle. Nothing of them was written: the delivery is as open as it was before, and will be
     * read again after the next start. They are the listener's now, to be settled once more later, or freed; null for
     * `given_up`: freed. */
    void (*given_up)(void *context, struct store_settle *settles);
    /* The store can't go on (an fsync failed: what the kernel holds can't be trusted any more; or it is corrupt).
     * Everything after this is answered STORE_UNAVAILABLE; the daemon ends with exit 75 so that a restart recovers from
     * what is on disk. */
    void (*broken)(void *context, const char *why);
};

struct store_options {
    const char *folder; /* made 0700 if missing */
    struct log *log;
    struct store_listener listener;
};

/* Opens or creates; takes the folder's lock (one daemon per state folder); does not start the writer thread yet. Null
 * with the reason. */
struct store *store_open(const struct store_options *options, struct fault *fault);
/* Could a store be opened in this folder, as far as can be seen without making or changing anything? One that is in use
 * can. Not for a process that has a store open: it would lose the locks on it. */
bool store_check(const char *folder, struct fault *fault);
/* The number of a plugin by its name, the same for ever; call before store_start only. -1 with the reason. */
int store_plugin(struct store *store, const char *name, struct fault *fault);
/* How many open deliveries belong to plugins other than `numbers`: parked. Counted up to `limit` for each plugin. Call when store_waiting
 * may be called. */
int64_t store_parked(struct store *store, const int *numbers, int count, int64_t limit);
/* How many deliveries are open, counted up to `limit`, so that a huge backlog takes no time; -1 if they can't be. Call
 * before store_start, or after store_stop. */
int64_t store_waiting(struct store *store, int64_t limit);
bool store_start(struct store *store, struct fault *fault); /* starts the writer thread */
/* Writes out all that was put and settled, and ends the writer thread. Nobody may call store_put any more. */
void store_stop(struct store *store);
void store_close(struct store *store); /* stops, checkpoints, closes; null is allowed */

void store_put(struct store *store, struct store_put *put); /* any thread; never blocks */
void store_settle(struct store *store,
                  struct store_settle *first); /* any thread; a list by `next`, in order; never blocks */

/* --- reading; one reader belongs to one thread --- */
struct store_reader;
struct store_reader *store_reader_open(struct store *store, struct fault *fault);
void store_reader_close(struct store_reader *reader);

/* An open delivery with its event loaded. */
struct store_delivery {
    struct event *event;
    int attempts, crashes; /* made so far */
    int64_t due_ms;
};
/* Who gets the deliveries that are read, one by one, and says when it has enough. Called within the read: the reader may
 * not be used meanwhile, and while it lasts the write-ahead log can't begin anew. */
struct store_taker {
    void *context;
    bool (*wants)(void *context, int64_t event); /* asked before the event is loaded; null: all are wanted */
    /* The event must be held to be kept. False: no further one. */
    bool (*take)(void *context, const struct store_delivery *delivery);
};
enum store_read {
    STORE_READ_ALL,    /* there is nothing more */
    STORE_READ_SOME,   /* the taker had enough */
    STORE_READ_FAILED, /* and was logged; what was taken is good */
};
/* Deliveries never attempted, with event number above `after`, in its order. */
enum store_read store_read_fresh(struct store_reader *reader, int plugin, int64_t after,
                                 const struct store_taker *taker);
/* Deliveries attempted before and due by now_ms, the longest due first. */
enum store_read store_read_due(struct store_reader *reader, int plugin, int64_t now_ms,
                               const struct store_taker *taker);
/* When the next retry later than after_ms is due: INT64_MAX if none; false on error. */
bool store_next_due(struct store_reader *reader, int plugin, int64_t after_ms, int64_t *due_ms);

/* A line of the journal, which is kept as long as its event is. */
struct store_journal_entry {
    int64_t event;
    int plugin; /* store number */
    enum store_settlement settlement;
    int attempts;
    int64_t at_ms, duration_us;
};
/* What became of an event's deliveries (done or dead), in the order of store_settle. Returns how many (at most limit), or
 * -1. */
int store_read_journal(struct store_reader *reader, int64_t event, struct store_journal_entry *entries, int limit);

struct store_counts {
    int64_t events, pending, retrying, dead, unrouted;
};
/* Exact counts for tests and `status`; scans, so not for a hot path. */
bool store_count(struct store_reader *reader, struct store_counts *counts);

#endif
