/* What any engine of the store must do: make events durable before their senders hear 200, hold each delivery until it
 * is settled, and say what is due. One writer thread does all writes; readers are separate and read only. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"
#include "base/histogram.h"
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
    int secret;         /* which of the source's secrets verified it, from 1; for the event's story; 0: not known */
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

/* What an attempt was. */
enum store_outcome {
    STORE_OUTCOME_OK,
    STORE_OUTCOME_RETRY,
    STORE_OUTCOME_FAIL,
    STORE_OUTCOME_CRASH,    /* its worker died of it */
    STORE_OUTCOME_DEADLINE, /* its worker was killed, as it took too long */
};
const char *store_outcome_text(enum store_outcome outcome); /* "ok" "retry" "fail" "crash" "deadline" */

enum store_reason { STORE_REASON_FAIL, STORE_REASON_ATTEMPTS, STORE_REASON_GIVE_UP, STORE_REASON_POISON };
const char *store_reason_text(enum store_reason reason); /* "fail" "attempts" "give_up" "poison" */

/* What became of an attempt. Made by the caller with malloc (store_settle_make), taken over by store_settle: freed by the store, unless it comes back with `given_up`. */
struct store_settle {
    struct store_settle *next; /* the store's */
    int64_t event;             /* its number */
    int plugin;                /* store number */
    enum store_settlement settlement;
    enum store_outcome outcome;
    enum store_reason reason; /* of STORE_DEAD */
    int attempts, crashes;    /* including this one */
    int64_t at_ms;            /* wall */
    int64_t due_ms;           /* of STORE_LATER: store_clock_ms */
    int64_t since_ms;         /* of STORE_LATER: the caller's own mark, which comes back with the delivery */
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
    /* After the commit of an order: deliveries of this plugin are due by now that nobody handed over; they must be read
     * from the store (store_read_due). */
    void (*reopened)(void *context, int plugin);
    /* The store can't go on (an fsync failed: what the kernel holds can't be trusted any more; or it is corrupt).
     * Everything after this is answered STORE_UNAVAILABLE; the daemon ends with exit 75 so that a restart recovers from
     * what is on disk. */
    void (*broken)(void *context, const char *why);
};

/* How long what is kept; zero-initialised, for ever and without a limit. May change while the store runs. */
struct store_retain {
    int64_t events_ms; /* events of which no delivery is open or dead, since they were received; unrouted ones too */
    int64_t ids_ms;    /* what was accepted, for deduplication, at least */
    int64_t dead_ms;   /* dead letters with their events, since they died */
    int64_t
        disk_bytes; /* of the database and its log: above it done events go before their time, and when that does not help, puts are refused */
};

struct store_options {
    const char *folder; /* made 0700 if missing */
    struct log *log;
    struct store_listener listener;
    struct store_retain retain;
    int64_t wall_ms; /* what the wall clock shows at the opening, for tests; 0: ask it */
};

/* Opens or creates; takes the folder's lock (one daemon per state folder); does not start the writer thread yet. Null
 * with the reason. */
struct store *store_open(const struct store_options *options, struct fault *fault);
/* Could a store be opened in this folder, as far as can be seen without making or changing anything? One that is in use
 * can. Not for a process that has a store open: it would lose the locks on it. */
bool store_check(const char *folder, struct fault *fault);
/* Of its database, for people. */
const char *store_path(const struct store *store);
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

/* How long what is kept, from now on. Any thread. */
void store_set_retain(struct store *store, const struct store_retain *retain);

/* The clock of due times: unix milliseconds as far as the wall clock can be trusted, but it never goes back and never jumps while the
 * store is open, whatever becomes of the wall clock; over a restart it goes on, at least from where it was. Any thread. */
int64_t store_clock_ms(const struct store *store);

/* --- what an operator, or a pool, wants changed; written by the writer thread in a commit of its own --- */

enum store_order_kind {
    STORE_ORDER_RETRY, /* of a dead letter: an open delivery again, due now, with fresh attempts, the same replay number */
    STORE_ORDER_DISCARD, /* a dead letter is dropped; a line of the journal tells of it */
    STORE_ORDER_DISCARD_OPEN, /* the same of an open delivery, which no pool may hold: a parked one. Apart from the other, as a letter that was
                               * put back a moment ago must not be dropped from under its pool */
    STORE_ORDER_REPLAY, /* of an event: a new delivery, due now, with the next replay number; not while one is open or dead there */
};
struct store_target {
    int64_t event;
    int plugin;
};
enum { STORE_ORDER_LIMIT = 500 }; /* targets of one order: so many that it does not hold up the events */
/* Memory of the caller, untouched by it between store_order and done. */
struct store_order {
    struct store_order *next; /* the store's */
    enum store_order_kind kind;
    const struct store_target *targets;
    int target_count;
    int changed; /* the answer: of how many targets it could be done; the others are not (or no more) in the state for it */
    bool failed; /* nothing was done: disk full, stopping …; the log has the reason */
    void *context;
    void (*done)(
        struct store_order
            *order); /* once, on the writer thread, after the commit; must not block. The order may be gone then */
};
void store_order(struct store *store, struct store_order *order); /* any thread; never blocks */

/* What a plugin's breaker must remember over a restart; all times store_clock_ms. */
struct store_note {
    int64_t stood_ms;      /* for how long it was open in all, up to open_since_ms */
    int64_t open_since_ms; /* 0: it is closed */
    int64_t open_until_ms; /* the next probe */
    int64_t pause_ms;      /* the latest pause: the next one is longer */
};
/* Any thread; written soon, not waited for. A copy is made; false: no memory. */
bool store_note(struct store *store, int plugin, const struct store_note *note);

/* --- how it is doing; any thread --- */

struct store_health {
    bool broken;      /* it can't go on, and the daemon ends */
    bool refusing;    /* puts are refused at present: no room, or the last commit failed */
    int64_t stuck_ms; /* for how long the writer has been at its present piece of work; 0: it is at none */
    char why[256];    /* of broken or refusing; else "" */
};
void store_health(const struct store *store, struct store_health *health);

/* Counted since the start. */
struct store_measures {
    struct histogram commit_us, commit_events; /* of commits with events: duration, and how many events */
};
const struct store_measures *store_measures(const struct store *store);
extern const struct histogram_scale store_commit_scale, store_commit_events_scale;

/* --- reading; one reader belongs to one thread --- */
struct store_reader;
struct store_reader *store_reader_open(struct store *store, struct fault *fault);
void store_reader_close(struct store_reader *reader);

/* An open delivery with its event loaded. */
struct store_delivery {
    struct event *event;
    int attempts, crashes; /* made so far */
    int replay;            /* 0, or which replay it is, for the plugin's key */
    int64_t due_ms;        /* 0: fresh, never attempted nor put back */
    int64_t since_ms;      /* of the latest settle; 0: none */
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
/* Deliveries attempted before, put back or replayed, and due by now_ms (store_clock_ms), the longest due first. */
enum store_read store_read_due(struct store_reader *reader, int plugin, int64_t now_ms,
                               const struct store_taker *taker);
/* When the next retry later than after_ms is due: INT64_MAX if none; false on error. */
bool store_next_due(struct store_reader *reader, int plugin, int64_t after_ms, int64_t *due_ms);

/* What was noted of a plugin; all zero if nothing was. False on error. */
bool store_read_note(struct store_reader *reader, int plugin, struct store_note *note);

/* --- what people look at (page by page: no call examines more than a bounded number of rows) --- */

/* How many there are of each, without counting. */
struct store_tally {
    int plugin;
    char name[EVENT_NAME_LIMIT + 1];
    int64_t pending;  /* open, never attempted (since they were put back, if they were) */
    int64_t retrying; /* open, attempted */
    int64_t dead;
};
/* Of every plugin that was ever configured, in the order of their numbers. How many (at most limit); -1 on error. */
int store_read_tallies(struct store_reader *reader, struct store_tally *tallies, int limit);
struct store_totals {
    int64_t events, unrouted;
    int64_t oldest_ms;  /* when the oldest event that is kept was received; 0: there is none */
    int64_t bytes;      /* of the database file and its log */
    int64_t free_bytes; /* of them, empty and used again */
};
bool store_read_totals(struct store_reader *reader, struct store_totals *totals);

/* The number of an accepted event; 0: it is not (or no more) there, -1: error. */
int64_t store_find(struct store_reader *reader, struct bytes source, struct bytes id);
/* The number of the first event received at or after that wall time, INT64_MAX if there is none; -1: error. */
int64_t store_find_since(struct store_reader *reader, int64_t received_ms);

enum store_state {
    STORE_STATE_PENDING,
    STORE_STATE_RETRYING,
    STORE_STATE_DEAD,
    STORE_STATE_DONE,
    STORE_STATE_DISCARDED,
    STORE_STATE_UNROUTED,
    STORE_STATES
};
const char *store_state_text(enum store_state state); /* "pending" "retrying" … */

/* One delivery as it stands, or stood when it was over. */
struct store_standing {
    int plugin;
    const char *plugin_name; /* the reader's, until it is closed */
    enum store_state state;
    int attempts, crashes, replay;
    int64_t due_ms;                     /* of an open one: store_clock_ms; 0: at once */
    int64_t at_ms;                      /* wall: when it was settled, died, or failed last; 0: not yet attempted */
    int64_t duration_us;                /* of the latest attempt, as far as it is known */
    enum store_reason reason;           /* of a dead one */
    char error[STORE_DETAIL_LIMIT + 1]; /* of the latest failed attempt; "" */
};
/* An event without headers and body. Views into the reader's memory, until the next call. */
struct store_listed {
    int64_t number, received_ms;
    struct bytes source, id, type;
    int secret;
    int64_t size;                           /* of the body */
    enum store_state state;                 /* dead if one delivery is, else retrying, pending, done (or discarded) */
    const struct store_standing *standings; /* the present or latest delivery for each plugin that it was routed to */
    int standing_count;
};
struct store_filter {
    struct bytes source; /* exact; data null: any */
    const char *type;    /* a pattern as in routes; null: any */
    int state; /* enum store_state: events with a delivery in that state; STORE_STATE_DONE: with none in another; -1: any */
    int64_t since_ms; /* received then or later; 0: ever */
};
/* Events, the newest first (`ascending`: the oldest first), from `*cursor` on (an event number: 0 to begin with), until `limit` were told or
 * so many rows were examined that it is enough (none may have been told then). Then `*cursor` is where to go on; -1: that was all. False on
 * error. What is told is valid until `tell` returns. */
bool store_list_events(struct store_reader *reader, const struct store_filter *filter, bool ascending, int limit,
                       int64_t *cursor, void (*tell)(void *context, const struct store_listed *listed), void *context);

struct store_cursor {
    int64_t event;
    int plugin;
    bool over; /* that was all */
};
struct store_dead {
    int64_t event, received_ms;
    struct bytes source, id, type;
    const struct store_standing *standing;
};
/* Dead letters, the newest event first, of one plugin or (0) of all, that died up to `until_ms` (wall; INT64_MAX: all). `open`: the open
 * deliveries of that plugin instead (parked ones, say). */
bool store_list_dead(struct store_reader *reader, int plugin, bool open, int64_t until_ms, int limit,
                     struct store_cursor *cursor, void (*tell)(void *context, const struct store_dead *dead),
                     void *context);

/* One event's whole story. Failed attempts: the first and the latest of each delivery are kept, STORE_ATTEMPTS_FIRST and _LAST. */
enum { STORE_ATTEMPTS_FIRST = 2, STORE_ATTEMPTS_LAST = 8 };
struct store_attempt {
    int plugin;
    int sequence; /* counts all attempts that failed, over retries and replays; where one is missing, it was not kept */
    int attempt;  /* the how-manyth since the delivery was made or put back */
    int64_t at_ms, duration_us;
    enum store_outcome outcome;
    const char *detail;
};
struct store_story {
    struct store_listed listed;
    const struct store_attempt *attempts; /* by plugin, then sequence */
    int attempt_count;
    const struct store_journal_entry *journal; /* what was settled, in order */
    int journal_count;
    const struct event *event; /* with headers and body */
};
/* Null: it is not there, or an error (`*failed`). Valid until the next call on this reader. */
const struct store_story *store_read_story(struct store_reader *reader, int64_t event, bool *failed);

/* A line of the journal, which is kept as long as its event is. */
enum store_entry {
    STORE_ENTRY_DONE = STORE_DONE,
    STORE_ENTRY_DEAD = STORE_DEAD,
    STORE_ENTRY_RETRIED, /* a dead letter was put back by an operator */
    STORE_ENTRY_DISCARDED,
    STORE_ENTRY_REPLAYED,
};
struct store_journal_entry {
    int64_t event;
    int plugin; /* store number */
    enum store_entry entry;
    int attempts;
    int64_t at_ms, duration_us;
};
/* What became of an event's deliveries, in the order of store_settle. Returns how many (at most limit), or -1. */
int store_read_journal(struct store_reader *reader, int64_t event, struct store_journal_entry *entries, int limit);

struct store_counts {
    int64_t events, pending, retrying, dead, unrouted;
};
/* Exact counts for tests, to compare the tallies with; scans. */
bool store_count(struct store_reader *reader, struct store_counts *counts);

/* --- copies --- */

/* Told now and then how far it is: false to give up. */
struct store_progress {
    void *context;
    bool (*step)(void *context, int64_t done_bytes, int64_t all_bytes);
};
/* A copy of the store in `folder`, which may be in use, as it is at this moment: without gaps, checked, on disk. It is made beside `file`, as
 * FILE.partial, and renamed at the end; a file that is there already is not touched. Not in the process that has the store open. */
bool store_backup(const char *folder, const char *file, const struct store_progress *progress, struct fault *fault);
/* Writes the store anew without the room that deleted events left; only while no daemon runs on it. `*saved_bytes`: by how much it shrank. */
bool store_compact(const char *folder, const struct store_progress *progress, int64_t *saved_bytes,
                   struct fault *fault);

#endif
