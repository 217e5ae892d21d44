/* The inside of a pool, shared by the files that make it: pool.c (workers), pool_begin.c (how they begin), pool_queue.c (what
 * waits), pool_feed.c (to whom it goes), pool_outcome.c (what became of it), pool_breaker.c (when nothing works), pool_status.c (how it is doing). */
#ifndef DELIVER_POOL_PRIVATE_H
#define DELIVER_POOL_PRIVATE_H

#include "base/units.h"
#include "deliver/breaker.h"
#include "deliver/pool.h"
#include "deliver/worker.h"

enum {
    POOL_WAITING_LIMIT = 1024,            /* deliveries in memory that no worker has yet; the rest stays in the store */
    POOL_WAITING_BYTES = 8 * 1024 * 1024, /* and the size of their events */
    POOL_READ_LIMIT = 256,                /* deliveries read from the store at once */
    POOL_READ_BYTES = 4 * 1024 * 1024,    /* and no further one when their events have this size */
    POOL_CLAIM_BUCKETS = 256,
    POOL_PIPELINE_US = 20000,          /* a worker is given about as much as it does in this time */
    POOL_DEPTH_LIMIT = 256,            /* and no more deliveries than this */
    POOL_HELD_BYTES = 4 * 1024 * 1024, /* nor bytes, unless it is a single event */
    POOL_RESTART_FIRST_MS = 100,
    POOL_RESTART_LONGEST_MS = 30000,
    POOL_POISON_CRASHES = 3,
    POOL_ROUND_MS = 10000,         /* people are told seconds from here on */
    POOL_DUE_SLACK_MS = 60 * 1000, /* beyond the longest time that a delivery can be put off for */
    POOL_WORKER_LINES = 100,       /* of workers that begin and end, in LOG_LIMIT_WINDOW_MS */
    POOL_PLUGIN_LINES = 1000,      /* that the plugin may log or print in LOG_LIMIT_WINDOW_MS */
    POOL_RETRY_LOOK_MS = 1000,     /* when the store could not be read, or memory was short for an outcome */
};

/* A place for one worker. */
struct pool_slot {
    struct worker *worker;
    int64_t restart_ms; /* monotonic; when there is no worker */
    int64_t mark;       /* of its children: strays.h */
    int64_t backoff_ms; /* of the last restart; 0 after an outcome */
    int64_t asked_ms;   /* the plugin's own word for the next one; 0: none */
    int64_t check_ms;   /* when a deadline can have passed */
    bool ready;         /* its worker has begun */
    bool heavy;         /* its children had more than `memory` at the last look */
    bool retired;       /* stopped on purpose: not started again */
};

/* Since the last report. */
struct pool_counts {
    int64_t done, failed, dead;
};

struct pool {
    const struct setup *setup;
    const struct setup_plugin *plugin;
    int number;
    struct pool_services services;
    struct settings *settings;  /* once a worker has told its table */
    struct setting_table table; /* that they were checked against */
    enum pool_verdict verdict;
    bool started, stopping;
    int worker_count;
    struct pool_slot slots[SETUP_WORKER_LIMIT];
    struct worker *ended[SETUP_WORKER_LIMIT * 2];
    int ended_count;

    struct delivery_list waiting; /* for any worker */
    struct delivery_list alone;   /* for a worker that holds nothing else */
    int64_t cursor;               /* all fresh deliveries up to this event number were taken into memory */
    bool behind;                  /* there may be fresh deliveries above the cursor that only the store has */
    int64_t look_again_ms;        /* monotonic: the store could not be read; not before this */
    int64_t next_due_ms; /* store_clock_ms: the next retry in the store that is not claimed; INT64_MAX if none */
    bool due_first;      /* at the latest look into the store; at the next one it is the fresh ones */
    struct delivery *claims[POOL_CLAIM_BUCKETS];
    int claim_count;
    int64_t short_until_ms; /* monotonic: memory was short for an outcome; nothing is given out before this */
    struct breaker breaker;
    struct store_note noted; /* of the breaker, as the store has it */
    bool probed_alone;       /* the latest probe was one of `alone`: the next one is another */
    int64_t service_us;      /* moving mean of what one delivery takes; 0: none yet */
    uint64_t random;         /* state of the jitter's generator */
    struct pool_counts counts;
    uint64_t outcomes[STATUS_OUTCOMES], restarts[STATUS_RESTARTS];
    struct histogram delivery_us;
    char breaker_why[STATUS_TEXT_SIZE], worker_why[STATUS_TEXT_SIZE]; /* as in plugin_status; "" when all is well */
    /* Each with a budget of its own: a storm of failures must not hide what is lost to the plugin for good, nor its own words either. */
    struct log_limit failure_lines, dead_lines, breaker_lines, worker_lines, plugin_lines;
};

/* store_clock_ms */
int64_t pool_now(const struct pool *pool);
double pool_random(struct pool *pool); /* uniform in [0, 1) */

struct pool_slot *pool_slot_of(struct pool *pool, const struct worker *worker);

/* pool_begin.c */
/* A line about a worker (0: none): what it came to stands for programs too. */
__attribute__((format(printf, 5, 6))) void pool_log(struct pool *pool, enum log_level level, int worker,
                                                    const char *error, const char *format, ...);
void pool_remember_why(char kept[STATUS_TEXT_SIZE], const char *why); /* breaker_why or worker_why */
/* Something stands in the way of the plugin's start: at the first start that refuses the daemon's, later it is logged and tried again. */
__attribute__((format(printf, 2, 3))) void pool_refuse(struct pool *pool, const char *format, ...);
void pool_greeted(void *owner, struct worker *worker, struct worker_hello *hello);
void pool_broken(void *owner, struct worker *worker, struct bytes why);
void pool_ready(void *owner, struct worker *worker, int code, int64_t after_ms, struct bytes text);

/* pool_queue.c */
bool pool_wants_more(const struct pool *pool);
/* Fresh deliveries and due ones in turns: what is put back or replayed by the thousand must not hold up what comes now, nor the reverse. */
void pool_read(struct pool *pool, int64_t now);
void pool_claim(struct pool *pool, struct delivery *delivery);
void pool_unclaim(struct pool *pool, struct delivery *delivery);
/* Puts back, in their order and before everything else, what a dead worker held. */
void pool_put_back(struct pool *pool, struct delivery_list *list);

/* pool_outcome.c */
void pool_outcome(void *owner, struct worker *worker, struct delivery *delivery, const struct worker_outcome *outcome);
/* A worker ended of it: STATUS_CRASH or STATUS_DEADLINE. */
void pool_charge(struct pool *pool, struct delivery *delivery, enum status_outcome outcome, const char *why);
/* For people: whole seconds where milliseconds don't matter. */
void pool_duration_format(int64_t ms, char text[UNITS_TEXT_SIZE]);

/* pool_breaker.c */
void pool_breaker_begin(struct pool *pool);
/* The clock of `give_up`: it stands while the breaker is open. */
int64_t pool_own_clock(const struct pool *pool, int64_t now);
void pool_breaker_tick(struct pool *pool, int64_t now);
/* May this delivery go out? Then it must. */
bool pool_breaker_admit(struct pool *pool, const struct delivery *delivery, int64_t now);
/* `after_ms`: of BUSY, what the plugin asked for; 0: nothing. */
void pool_breaker_hear(struct pool *pool, enum status_outcome outcome, const struct delivery *delivery,
                       int64_t after_ms, const char *detail);
/* A worker has ended, and what it held is judged. */
void pool_breaker_worker_ended(struct pool *pool);

#endif
