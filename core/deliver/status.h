/* How the plugins are doing, for whoever asks a running daemon: copies that the main thread fills between two turns of its loop. */
#ifndef DELIVER_STATUS_H
#define DELIVER_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/histogram.h"
#include "config/setup.h"

struct dispatch;

enum status_breaker {
    STATUS_BREAKER_CLOSED,
    STATUS_BREAKER_OPEN,    /* deliveries wait; the next probe comes at its time */
    STATUS_BREAKER_PROBING, /* one delivery is out to see whether it works again */
    STATUS_BREAKER_SLOW,    /* it works again, and the rate climbs */
};
const char *status_breaker_text(enum status_breaker breaker); /* "closed" "open" "probing" "slow start" */

/* What came back from a plugin, or did not. */
enum status_outcome {
    STATUS_OK,
    STATUS_RETRY,
    STATUS_BUSY,
    STATUS_FAIL,
    STATUS_CRASH,
    STATUS_DEADLINE,
    STATUS_OUTCOMES
};
const char *status_outcome_text(enum status_outcome outcome); /* "ok" "retry" "busy" "fail" "crash" "deadline" */

/* Why a worker had to be started again. */
enum status_restart {
    STATUS_RESTART_EXIT,     /* it exited, or closed its socket */
    STATUS_RESTART_SIGNAL,   /* it crashed */
    STATUS_RESTART_DEADLINE, /* it was killed at its deadline */
    STATUS_RESTART_GARBAGE,  /* it was killed, as it wrote garbage */
    STATUS_RESTART_MEMORY,   /* it was killed, as its children had more than `memory` */
    STATUS_RESTART_INIT,     /* it could not begin: init put it off, failed, or it could not be loaded */
    STATUS_RESTARTS
};
const char *status_restart_text(enum status_restart restart); /* "exit" "signal" "deadline" "garbage" "memory" "init" */

enum { STATUS_TEXT_SIZE = 256 };

struct plugin_status {
    int number; /* the store's */
    char name[EVENT_NAME_LIMIT + 1], file[512];
    int workers, running; /* configured, and ready for deliveries */
    int processes[SETUP_WORKER_LIMIT], process_count;
    int held, waiting; /* deliveries in the hands of workers, and in memory */
    enum status_breaker breaker;
    int64_t probe_in_ms;        /* of an open one */
    int64_t rate;               /* deliveries a second, of STATUS_BREAKER_SLOW */
    char why[STATUS_TEXT_SIZE]; /* why the breaker is open, or why no worker runs; "" */
    int64_t service_us;         /* moving mean of what one delivery takes; 0: not known yet */
    uint64_t outcomes[STATUS_OUTCOMES], restarts[STATUS_RESTARTS]; /* since the start of the daemon */
    struct histogram delivery_us;                                  /* of attempts whose end the plugin told */
};
extern const struct histogram_scale status_delivery_scale;

struct dispatch_status {
    struct plugin_status plugins[SETUP_PLUGIN_LIMIT];
    int plugin_count;
};

/* Any thread but the main one. False if the main thread does not answer within timeout_ms: that is a fault of its own. */
bool dispatch_ask(struct dispatch *dispatch, struct dispatch_status *status, int64_t timeout_ms);

#endif
