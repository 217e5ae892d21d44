/* One turn of the loop, dispatch_turn, is the life of this part: what the writer thread handed over goes to the pools, workers' frames
 * come in, pools give out what waits, and what was settled in the turn goes to the store in one piece. */
#include "deliver/dispatch.h"

#include <stdlib.h>
#include <sys/epoll.h>

#include "base/clock.h"
#include "deliver/handover.h"
#include "deliver/mailbox.h"
#include "deliver/pool.h"

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
    struct delivery_list settling;                   /* with the store, in the order of store_settle */
    struct store_settle *settle_first, *settle_last; /* gathered in this turn */
    struct store_settle *given_up;                   /* by the store; their deliveries still stand in `settling` */
    struct delivery_list refused;                    /* those deliveries, taken out of it … */
    struct store_settle *refused_settles,
        *refused_last;       /* … and their outcomes, in the same order, to be settled again … */
    int64_t settle_again_ms; /* … then (monotonic) */
    int64_t report_ms;       /* monotonic: the next one */
    bool stopping;
};

_Static_assert(SETUP_PLUGIN_LIMIT <= 64, "the pools of an event are bits of a uint64_t");

static void dispatch_settle(void *owner, struct delivery *delivery, struct store_settle *settle) {
    struct dispatch *dispatch = owner;
    delivery_append(&dispatch->settling, delivery);
    if (dispatch->settle_last)
        dispatch->settle_last->next = settle;
    else
        dispatch->settle_first = settle;
    dispatch->settle_last = settle;
}

/* The outcome stands, as the plugin has done its work: it is kept, and the delivery not made again. */
static void dispatch_refuse(struct dispatch *dispatch, struct delivery *delivery) {
    struct store_settle *settle = dispatch->given_up;
    dispatch->given_up = settle->next;
    settle->next = NULL;
    if (dispatch->refused_last)
        dispatch->refused_last->next = settle;
    else
        dispatch->refused_settles = settle;
    dispatch->refused_last = settle;
    if (!dispatch->refused.first)
        dispatch->settle_again_ms = clock_monotonic_ms() + DISPATCH_SETTLE_AGAIN_MS;
    delivery_append(&dispatch->refused, delivery);
}

static void dispatch_settle_again(struct dispatch *dispatch) {
    for (struct delivery *delivery; (delivery = delivery_take(&dispatch->refused));) {
        struct store_settle *settle = dispatch->refused_settles;
        dispatch->refused_settles = settle->next;
        settle->next = NULL;
        dispatch_settle(dispatch, delivery, settle);
    }
    dispatch->refused_last = NULL;
}

static void dispatch_hand_over_settles(struct dispatch *dispatch) {
    if (dispatch->settle_first)
        store_settle(dispatch->store, dispatch->settle_first);
    dispatch->settle_first = dispatch->settle_last = NULL;
}

static void dispatch_settled(struct dispatch *dispatch, int64_t count, struct store_settle *given_up) {
    struct store_settle **end = &dispatch->given_up;
    while (*end)
        end = &(*end)->next;
    *end = given_up;
    for (; count > 0 && dispatch->settling.first; count--) {
        struct delivery *delivery = delivery_take(&dispatch->settling);
        given_up = dispatch->given_up;
        if (given_up && given_up->event == delivery->event->number && given_up->plugin == pool_number(delivery->pool))
            dispatch_refuse(dispatch, delivery);
        else
            pool_settled(delivery);
    }
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
    dispatch_settled(dispatch, taken->settled, taken->given_up);
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
    dispatch_settle_again(dispatch); /* the last chance, before their events would come again after the next start */
    if (dispatch->store)
        dispatch_hand_over_settles(dispatch);
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
    for (int i = 0; i < dispatch->pool_count; i++)
        pool_free(dispatch->pools[i]);
    for (struct delivery *delivery; (delivery = delivery_take(&dispatch->settling));)
        delivery_free(delivery);
    delivery_free_all(&dispatch->refused);
    store_settle_free(dispatch->refused_settles);
    store_settle_free(dispatch->given_up);
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
    for (int i = 0; i < dispatch->pool_count; i++)
        pool_start(dispatch->pools[i]);
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
    return !dispatch->stopping && dispatch->settling.count + dispatch->refused.count < DISPATCH_SETTLING_LIMIT &&
           dispatch->settling.bytes + dispatch->refused.bytes < DISPATCH_SETTLING_BYTES;
}

bool dispatch_turn(struct dispatch *dispatch, int64_t wake_ms, struct fault *fault) {
    bool feeding = dispatch_feeds(dispatch);
    for (int i = 0; i < dispatch->pool_count; i++) {
        int64_t wake = pool_wake(dispatch->pools[i], feeding);
        wake_ms = wake < wake_ms ? wake : wake_ms;
    }
    if (dispatch->refused.first && dispatch->settle_again_ms < wake_ms)
        wake_ms = dispatch->settle_again_ms;
    if (!loop_turn(dispatch->options.loop, wake_ms, fault))
        return false;
    int64_t now = clock_monotonic_ms();
    feeding = dispatch_feeds(dispatch);
    for (int i = 0; i < dispatch->pool_count; i++) {
        pool_tick(dispatch->pools[i], now);
        if (feeding)
            pool_feed(dispatch->pools[i], now);
        pool_bury(dispatch->pools[i]);
    }
    if (dispatch->refused.first && dispatch->settle_again_ms <= now)
        dispatch_settle_again(dispatch);
    dispatch_hand_over_settles(dispatch);
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
