/* One turn of the loop, dispatch_turn, is the life of this part: what the writer thread handed over goes to the pools, workers' frames
 * come in, pools give out what waits, and what was settled in the turn goes to the store in one piece. */
#include "deliver/dispatch.h"

#include <stdlib.h>
#include <sys/epoll.h>

#include "base/clock.h"
#include "deliver/handover.h"
#include "deliver/mailbox.h"
#include "deliver/pool.h"
#include "deliver/settling.h"

struct dispatch {
    struct dispatch_options options;
    struct pool_services services;
    struct pool *pools[SETUP_PLUGIN_LIMIT];
    int pool_count;
    struct store *store;
    struct store_reader *reader;
    struct handover handover;
    struct handover_content taken; /* its memory, used again and again */
    struct loop_watch handover_watch;
    struct mailbox mailbox; /* for dispatch_ask */
    struct loop_watch mailbox_watch;
    struct settling settling;
    struct strays strays;
    struct stray_owner *owners; /* room for all workers */
    struct log_limit stray_lines;
    int64_t look_ms;   /* monotonic: the next look at what workers have started */
    int64_t report_ms; /* monotonic: the next one */
    bool stopping;
};

_Static_assert(SETUP_PLUGIN_LIMIT <= 64, "the pools of an event are bits of a uint64_t");

static void dispatch_settle(void *owner, struct delivery *delivery, struct store_settle *settle) {
    struct dispatch *dispatch = owner;
    settling_add(&dispatch->settling, delivery, settle);
}

static void dispatch_handover_ready(struct loop_watch *watch, uint32_t events) {
    struct dispatch *dispatch = watch->owner;
    struct handover_content *taken = &dispatch->taken;
    (void)events;
    taken->count = 0;
    handover_take(&dispatch->handover, taken);
    for (int i = 0; i < taken->count; i++) {
        for (uint64_t pools = taken->entries[i].pools; pools; pools &= pools - 1)
            pool_offer(dispatch->pools[__builtin_ctzll(pools)], taken->entries[i].event);
        event_release(taken->entries[i].event);
    }
    for (uint64_t pools = taken->missed; pools; pools &= pools - 1)
        pool_fell_behind(dispatch->pools[__builtin_ctzll(pools)]);
    settling_answered(&dispatch->settling, taken->settled, taken->given_up);
    taken->given_up = NULL;
    for (uint64_t pools = taken->reopened; pools; pools &= pools - 1)
        pool_reopened(dispatch->pools[__builtin_ctzll(pools)]);
}

static void dispatch_fill_status(void *context, struct dispatch_status *status) {
    const struct dispatch *dispatch = context;
    status->plugin_count = dispatch->pool_count;
    for (int i = 0; i < dispatch->pool_count; i++)
        pool_fill_status(dispatch->pools[i], &status->plugins[i]);
}

static void dispatch_mailbox_ready(struct loop_watch *watch, uint32_t events) {
    struct dispatch *dispatch = watch->owner;
    (void)events;
    mailbox_answer(&dispatch->mailbox, dispatch_fill_status, dispatch);
}

bool dispatch_ask(struct dispatch *dispatch, struct dispatch_status *status, int64_t timeout_ms) {
    return mailbox_ask(&dispatch->mailbox, status, timeout_ms);
}

void dispatch_silence(struct dispatch *dispatch) {
    mailbox_silence(&dispatch->mailbox);
}

struct dispatch *dispatch_make(const struct dispatch_options *options, struct fault *fault) {
    struct dispatch *dispatch = calloc(1, sizeof *dispatch);
    if (!dispatch) {
        fault_set(fault, "out of memory");
        return NULL;
    }
    dispatch->options = *options;
    dispatch->report_ms = clock_monotonic_ms() + DISPATCH_REPORT_MS;
    dispatch->handover_watch.removed = dispatch->mailbox_watch.removed = true;
    if (!handover_open(&dispatch->handover, fault) || !mailbox_open(&dispatch->mailbox, fault)) {
        dispatch_free(dispatch);
        return NULL;
    }
    dispatch->handover_watch = (struct loop_watch){ .descriptor = dispatch->handover.descriptor,
                                                    .ready = dispatch_handover_ready,
                                                    .owner = dispatch,
                                                    .removed = true };
    dispatch->mailbox_watch = (struct loop_watch){
        .descriptor = dispatch->mailbox.descriptor, .ready = dispatch_mailbox_ready, .owner = dispatch, .removed = true
    };
    if (!loop_add(options->loop, &dispatch->handover_watch, EPOLLIN, fault) ||
        !loop_add(options->loop, &dispatch->mailbox_watch, EPOLLIN, fault)) {
        dispatch_free(dispatch);
        return NULL;
    }
    return dispatch;
}

bool dispatch_open(struct dispatch *dispatch, struct store *store, struct fault *fault) {
    dispatch->store = store;
    dispatch->reader = store_reader_open(store, fault);
    return dispatch->reader != NULL;
}

void dispatch_close(struct dispatch *dispatch) {
    settling_again(
        &dispatch->settling); /* the last chance, before their events would come again after the next start */
    if (dispatch->store)
        settling_hand_over(&dispatch->settling, dispatch->store);
    if (dispatch->reader)
        store_reader_close(dispatch->reader);
    dispatch->reader = NULL;
}

void dispatch_free(struct dispatch *dispatch) {
    if (!dispatch)
        return;
    dispatch_close(dispatch);
    loop_remove(dispatch->options.loop, &dispatch->handover_watch);
    loop_remove(dispatch->options.loop, &dispatch->mailbox_watch);
    strays_close(&dispatch->strays); /* no worker runs any more */
    for (int i = 0; i < dispatch->pool_count; i++)
        pool_free(dispatch->pools[i]);
    free(dispatch->owners);
    settling_free(&dispatch->settling);
    free(dispatch->taken.entries);
    handover_close(&dispatch->handover);
    mailbox_close(&dispatch->mailbox);
    free(dispatch);
}

void dispatch_start(struct dispatch *dispatch, struct fault_list *mistakes) {
    const struct setup *setup = dispatch->options.setup;
    struct pool_services services = {
        .loop = dispatch->options.loop,
        .log = dispatch->options.log,
        .host = dispatch->options.host,
        .store = dispatch->store,
        .reader = dispatch->reader,
        .strays = &dispatch->strays,
        .mistakes = mistakes,
        .check_only = dispatch->options.check_only,
        .owner = dispatch,
        .settle = dispatch_settle,
    };
    for (int i = 0; i < setup->plugin_count; i++) {
        int number = dispatch->options.check_only ? i : dispatch->options.plugin_numbers[i];
        struct pool *pool = pool_make(setup, &setup->plugins[i], number, &services);
        if (!pool) {
            fault_list_add(mistakes, "plugin \"%s\": out of memory", setup->plugins[i].name);
            return;
        }
        dispatch->pools[dispatch->pool_count++] = pool;
    }
    strays_open(&dispatch->strays);
    dispatch->owners = calloc((size_t)dispatch->pool_count * SETUP_WORKER_LIMIT + 1, sizeof *dispatch->owners);
    if (!dispatch->owners) {
        fault_list_add(mistakes, "plugins: out of memory");
        return;
    }
    dispatch->look_ms = clock_monotonic_ms() + STRAYS_LOOK_MS;
    for (int i = 0; i < dispatch->pool_count; i++)
        pool_start(dispatch->pools[i]);
}

/* What workers have started: what is left of those that are gone is ended, the rest must not have more than `memory`. */
static void dispatch_look(struct dispatch *dispatch, int64_t now) {
    size_t count = 0;
    bool again = false;
    for (int i = 0; i < dispatch->pool_count; i++)
        count += pool_owners(dispatch->pools[i], dispatch->owners + count);
    struct strays_found found = strays_look(&dispatch->strays, dispatch->owners, count);
    for (int i = 0; i < dispatch->pool_count; i++)
        again = pool_weigh(dispatch->pools[i], dispatch->owners, count) || again;
    dispatch->look_ms = now + (found.dying || again ? STRAYS_AGAIN_MS : STRAYS_LOOK_MS);
    if (found.killed)
        log_event(dispatch->options.log, LOG_LEVEL_WARN, &dispatch->stray_lines, NULL, 0,
                  "workers that have ended left processes behind, which were killed: %d, the first one %s (process %d)",
                  found.killed, found.name, (int)found.first);
}

bool dispatch_verdicts(const struct dispatch *dispatch) {
    for (int i = 0; i < dispatch->pool_count; i++)
        if (pool_verdict(dispatch->pools[i]) == POOL_PENDING)
            return false;
    return true;
}

void dispatch_started(struct dispatch *dispatch) {
    for (int i = 0; i < dispatch->pool_count; i++)
        pool_started(dispatch->pools[i]);
}

static bool dispatch_feeds(const struct dispatch *dispatch) {
    return !dispatch->stopping && settling_has_room(&dispatch->settling);
}

bool dispatch_turn(struct dispatch *dispatch, int64_t wake_ms, struct fault *fault) {
    bool feeding = dispatch_feeds(dispatch);
    for (int i = 0; i < dispatch->pool_count; i++) {
        int64_t wake = pool_wake(dispatch->pools[i], feeding);
        wake_ms = wake < wake_ms ? wake : wake_ms;
    }
    if (settling_wake(&dispatch->settling) < wake_ms)
        wake_ms = settling_wake(&dispatch->settling);
    if (dispatch->owners && dispatch->look_ms < wake_ms)
        wake_ms = dispatch->look_ms;
    if (!loop_turn(dispatch->options.loop, wake_ms, fault))
        return false;
    int64_t now = clock_monotonic_ms();
    feeding = dispatch_feeds(dispatch);
    for (int i = 0; i < dispatch->pool_count; i++) {
        pool_tick(dispatch->pools[i], now);
        if (feeding)
            pool_feed(dispatch->pools[i], now);
        if (pool_bury(dispatch->pools[i]))
            dispatch->look_ms = now;
    }
    if (dispatch->owners && dispatch->look_ms <= now)
        dispatch_look(dispatch, now);
    if (settling_wake(&dispatch->settling) <= now)
        settling_again(&dispatch->settling);
    settling_hand_over(&dispatch->settling, dispatch->store);
    return true;
}

void dispatch_stop(struct dispatch *dispatch) {
    dispatch->stopping = true;
    for (int i = 0; i < dispatch->pool_count; i++)
        pool_stop(dispatch->pools[i]);
}

void dispatch_kill(struct dispatch *dispatch) {
    dispatch->stopping = true;
    for (int i = 0; i < dispatch->pool_count; i++)
        pool_kill(dispatch->pools[i]);
}

int dispatch_alive(const struct dispatch *dispatch) {
    int alive = 0;
    for (int i = 0; i < dispatch->pool_count; i++)
        alive += pool_alive(dispatch->pools[i]);
    return alive;
}

int dispatch_held(const struct dispatch *dispatch) {
    int held = 0;
    for (int i = 0; i < dispatch->pool_count; i++)
        held += pool_held(dispatch->pools[i]);
    return held;
}

void dispatch_report(struct dispatch *dispatch, bool last) {
    int64_t now = clock_monotonic_ms();
    if (!last && now < dispatch->report_ms)
        return;
    dispatch->report_ms = now + DISPATCH_REPORT_MS;
    for (int i = 0; i < dispatch->pool_count; i++)
        pool_report(dispatch->pools[i], last);
    log_limit_tell(dispatch->options.log, &dispatch->stray_lines, last, "processes that workers left behind");
}

/* Zero for a plugin that is parked. */
static uint64_t dispatch_pool_of(const struct dispatch *dispatch, int plugin) {
    for (int pool = 0; pool < dispatch->options.setup->plugin_count; pool++)
        if (dispatch->options.plugin_numbers[pool] == plugin)
            return UINT64_C(1) << pool;
    return 0;
}

static uint64_t dispatch_pools_of(const struct dispatch *dispatch, const struct store_put *put) {
    uint64_t pools = 0;
    for (int i = 0; i < put->plugin_count; i++)
        pools |= dispatch_pool_of(dispatch, put->plugins[i]);
    return pools;
}

void dispatch_committed(void *context, struct store_put *const *accepted, int accepted_count, int settled_count) {
    struct dispatch *dispatch = context;
    handover_lock(&dispatch->handover);
    for (int i = 0; i < accepted_count; i++)
        handover_add(&dispatch->handover, accepted[i]->event, dispatch_pools_of(dispatch, accepted[i]),
                     DISPATCH_HANDOVER_LIMIT, DISPATCH_HANDOVER_BYTES);
    handover_add_settled(&dispatch->handover, settled_count);
    handover_unlock(&dispatch->handover);
}

void dispatch_given_up(void *context, struct store_settle *settles) {
    struct dispatch *dispatch = context;
    handover_lock(&dispatch->handover);
    handover_add_given_up(&dispatch->handover, settles);
    handover_unlock(&dispatch->handover);
}

void dispatch_reopened(void *context, int plugin) {
    struct dispatch *dispatch = context;
    handover_lock(&dispatch->handover);
    handover_add_reopened(&dispatch->handover, dispatch_pool_of(dispatch, plugin));
    handover_unlock(&dispatch->handover);
}
