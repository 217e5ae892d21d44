/* One child process of a plugin: grapnel-host with the plugin loaded. Deliveries are pipelined to it; it answers in their order. */
#ifndef DELIVER_WORKER_H
#define DELIVER_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/log.h"
#include "config/settings.h"
#include "deliver/delivery.h"
#include "deliver/loop.h"
#include "deliver/spawn.h"

struct worker;

enum worker_state {
    WORKER_STARTING,     /* START was sent; HELLO or BROKEN will come */
    WORKER_GREETED,      /* HELLO came; the owner answers with worker_init */
    WORKER_INITIALISING, /* INIT was sent; READY will come */
    WORKER_READY,        /* takes deliveries */
    WORKER_STOPPING,     /* STOP was sent: it finishes what it holds and exits */
    WORKER_KILLED,       /* SIGKILL was sent; its end will be seen */
};

/* Why a worker is no more. */
enum worker_end {
    WORKER_END_STOPPED,  /* as asked */
    WORKER_END_EXITED,   /* by itself, or by closing its socket */
    WORKER_END_SIGNAL,   /* crashed */
    WORKER_END_DEADLINE, /* killed: a call took too long */
    WORKER_END_GARBAGE,  /* killed: what it sent was no frame */
    WORKER_END_MEMORY,   /* killed: its children had more than `memory` */
    WORKER_END_DROPPED,  /* killed: the daemon stops, or it could not be used */
};

/* What a plugin says about itself; views into the frame, valid during the call only. */
struct worker_hello {
    struct bytes name, version, summary;
    int64_t abi_minor;
    bool has_flush, has_check;
    struct setting_table table;
};

struct worker_outcome {
    int code; /* enum grapnel_code, or anything that the plugin returned */
    int64_t after_ms;
    int64_t duration_us; /* -1: not known */
    struct bytes text;
};

/* Who owns workers: a pool. All is called on the loop's thread. */
struct worker_owner {
    void *owner;
    /* The table is the callee's to keep (setting_table_free). */
    void (*greeted)(void *owner, struct worker *worker, struct worker_hello *hello);
    void (*broken)(void *owner, struct worker *worker,
                   struct bytes why); /* it can't load the plugin; worker_kill follows by itself */
    void (*ready)(void *owner, struct worker *worker, int code, int64_t after_ms, struct bytes text);
    /* The delivery is the callee's again. */
    void (*outcome)(void *owner, struct worker *worker, struct delivery *delivery,
                    const struct worker_outcome *outcome);
    /* The process has ended and was reaped. `held` are the deliveries that it still had, in order, each with its part: the callee's again.
     * `why` is words for the log ("was killed by SIGSEGV"). The callee calls worker_free when the loop's turn is over. */
    void (*ended)(void *owner, struct worker *worker, enum worker_end end, const char *why, struct delivery_list *held);
};

struct worker_options {
    const char *host, *plugin, *file, *folder;
    int64_t deadline_ms, memory_bytes;
    char *const *environment; /* as of spawn_host */
    bool keep_privileges;
    int64_t mark; /* of its children: strays.h; 0: none */
    struct log *log;
    struct log_limit *plugin_lines; /* the budget of what the plugin logs and prints */
    struct loop *loop;
    struct worker_owner owner;
};

/* Starts a process; the options' texts must outlive it. Null with the reason. Main thread only. */
struct worker *worker_start(const struct worker_options *options, struct fault *fault);
void worker_free(struct worker *worker); /* only after `ended`, outside of its callbacks */

void worker_init(struct worker *worker, const struct settings *settings, bool check_only);
/* Takes the delivery over until its outcome or the worker's end; only when WORKER_READY. It is sent with the next worker_send. */
void worker_give(struct worker *worker, struct delivery *delivery);
void worker_send(struct worker *worker);
void worker_stop(struct worker *worker);
void worker_kill(struct worker *worker, enum worker_end end);
void worker_kill_heavy(struct worker *worker, int64_t children_bytes); /* WORKER_END_MEMORY */

enum worker_state worker_state(const struct worker *worker);
int worker_process(const struct worker *worker);
int worker_held(const struct worker *worker);          /* deliveries in its hands */
size_t worker_held_bytes(const struct worker *worker); /* and the size of their events */
bool worker_alone(const struct worker *worker);        /* holds one that must stay alone */

/* Looks whether a call of the plugin has passed its deadline at `now_ms` (monotonic) and kills the worker then. Returns when to look again
 * (INT64_MAX: not before something is given to it). */
int64_t worker_check(struct worker *worker, int64_t now_ms);

#endif
