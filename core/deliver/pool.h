/* The workers of one plugin and the deliveries that wait for them. */
#ifndef DELIVER_POOL_H
#define DELIVER_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/log.h"
#include "config/settings.h"
#include "config/setup.h"
#include "deliver/delivery.h"
#include "deliver/loop.h"
#include "deliver/status.h"
#include "deliver/strays.h"

struct pool;

/* How the first start of a plugin ended. */
enum pool_verdict {
    POOL_PENDING, /* not known yet */
    POOL_READY,   /* a worker runs */
    POOL_LATER,   /* init could not be done now: its events wait, and it is tried again */
    POOL_REFUSED, /* it can't be loaded, its settings are wrong, or init says FAIL: the mistakes say why */
};

/* What a pool needs of its surroundings; all outlives the pool. */
struct pool_services {
    struct loop *loop;
    struct log *log;
    const char *host;            /* path of grapnel-host */
    struct store *store;         /* its clock, and where the breaker is noted; null when only checking */
    struct store_reader *reader; /* null when only checking */
    struct strays *strays;       /* gives marks */
    struct fault_list *mistakes; /* what refuses the start is added here; not touched after pool_started */
    bool check_only;             /* run the plugins' check, not their init, and stop them again */
    void *owner;
    /* An attempt is over: the delivery goes to the store's hands, and comes back with pool_settled. */
    void (*settle)(void *owner, struct delivery *delivery, struct store_settle *settle);
};

/* Null when memory is short. The services and the setup must outlive it. `number` is the plugin's in the store. */
struct pool *pool_make(const struct setup *setup, const struct setup_plugin *plugin, int number,
                       const struct pool_services *services);
void pool_free(struct pool *pool); /* when nothing of it runs any more (pool_alive) */

int pool_number(const struct pool *pool);
void pool_start(struct pool *pool); /* spawns its workers */
enum pool_verdict pool_verdict(const struct pool *pool);
/* The daemon runs: deliveries are given out, and a worker that can't start is tried again instead of refusing the start. */
void pool_started(struct pool *pool);

/* A newly committed event routed to this plugin. Not taken if too much waits already: it is then read from the store in its turn. */
void pool_offer(struct pool *pool, struct event *event);
/* Events were committed that nobody offered: they must be read from the store. */
void pool_fell_behind(struct pool *pool);
/* Deliveries were put back that are due by now: they must be read from the store. */
void pool_reopened(struct pool *pool);
/* The store has committed what was settled; frees the delivery. */
void pool_settled(struct delivery *delivery);

/* Restarts, deadlines, due retries. */
void pool_tick(struct pool *pool, int64_t now_ms);
/* Gives waiting deliveries to workers that have room. */
void pool_feed(struct pool *pool, int64_t now_ms);
/* When pool_tick or, if that is `feeding` the pool at all now, pool_feed is needed next (monotonic). */
int64_t pool_wake(const struct pool *pool, bool feeding);
/* Logs what was done since the last time, and which lines the log's budgets left out (`last`: all of them). */
void pool_report(struct pool *pool, bool last);
void pool_fill_status(const struct pool *pool, struct plugin_status *status);
/* Frees workers that have ended, and tells whether there were any; between the turns of the loop. */
bool pool_bury(struct pool *pool);
/* Its workers that run: fills `owners`, which has room for SETUP_WORKER_LIMIT, and returns how many. */
size_t pool_owners(const struct pool *pool, struct stray_owner *owners);
/* What they have come to: one whose children have had more than `memory` at two looks in a row is killed. True: look again soon. */
bool pool_weigh(struct pool *pool, const struct stray_owner *owners, size_t count);

void pool_stop(struct pool *pool); /* nothing new is given out; workers finish what they hold and exit */
void pool_kill(struct pool *pool);
int pool_alive(const struct pool *pool); /* processes that have not ended yet */
/* Deliveries in the hands of workers, for the log. */
int pool_held(const struct pool *pool);

#endif
