/* The delivering half of the daemon: takes what the store has committed or finds due, gives it to pools, notes outcomes. It lives on the
 * main thread's event loop; only what the store's listener tells (at the end) is called from the writer thread, and dispatch_ask
 * (status.h) from any. */
#ifndef DELIVER_DISPATCH_H
#define DELIVER_DISPATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"
#include "base/log.h"
#include "config/setup.h"
#include "deliver/loop.h"
#include "store/store.h"

struct dispatch;

/* Limits of what the writer hands over; beyond them the pools read from the store. */
enum { DISPATCH_HANDOVER_LIMIT = 8192, DISPATCH_HANDOVER_BYTES = 16 * 1024 * 1024 };
/* Deliveries that the store has not settled yet; beyond that no more are given out. */
enum { DISPATCH_SETTLING_LIMIT = 16384, DISPATCH_SETTLING_BYTES = 16 * 1024 * 1024 };
/* When outcomes that the store had to give up are settled once more. */
enum { DISPATCH_SETTLE_AGAIN_MS = 5000 };

struct dispatch_options {
    const struct setup *setup;
    const int *plugin_numbers; /* the store's, of setup->plugins[i] */
    struct loop *loop;
    struct log *log;
    const char *host; /* path of grapnel-host */
    bool check_only;  /* start each plugin once, run its check, stop; no store */
};

/* Null with the reason. The options' targets must outlive it. */
struct dispatch *dispatch_make(const struct dispatch_options *options, struct fault *fault);
/* The store that deliveries come from; the listener's functions below were given to store_open before. */
bool dispatch_open(struct dispatch *dispatch, struct store *store, struct fault *fault);
/* Ends the reading of the store. Then store_close may be called, which still tells the dispatch what it commits; then dispatch_free. */
void dispatch_close(struct dispatch *dispatch);
void dispatch_free(struct dispatch *dispatch);

/* Starts every plugin. dispatch_turn must then be called until dispatch_verdicts says that all are known. */
void dispatch_start(struct dispatch *dispatch, struct fault_list *mistakes);
/* True when each plugin is ready, put off or refused; in the latter case `mistakes` has grown. */
bool dispatch_verdicts(const struct dispatch *dispatch);
/* After the verdicts: from now on nothing refuses the start. */
void dispatch_started(struct dispatch *dispatch);

/* One turn of the loop; waits at most until wake_ms (monotonic). */
bool dispatch_turn(struct dispatch *dispatch, int64_t wake_ms, struct fault *fault);

/* Workers finish what they hold and exit. dispatch_turn goes on until dispatch_alive is 0; dispatch_kill makes it so. */
void dispatch_stop(struct dispatch *dispatch);
void dispatch_kill(struct dispatch *dispatch);
int dispatch_alive(const struct dispatch *dispatch); /* processes */
int dispatch_held(const struct dispatch *dispatch);  /* deliveries in their hands */

/* The loop turns no more: dispatch_ask answers at once that nobody answers. */
void dispatch_silence(struct dispatch *dispatch);

/* Logs once in DISPATCH_REPORT_MS, to be called more often, what each plugin did; with `last` what is left to tell at the end. */
enum { DISPATCH_REPORT_MS = 60 * 1000 };
void dispatch_report(struct dispatch *dispatch, bool last);

/* For struct store_listener, with the dispatch as context: called on the WRITER thread. */
void dispatch_committed(void *dispatch, struct store_put *const *accepted, int accepted_count, int settled_count);
void dispatch_given_up(void *dispatch, struct store_settle *settles);
void dispatch_reopened(void *dispatch, int plugin);

#endif
