/* Which waiting delivery goes to which worker, and when. */
#include "base/clock.h"
#include "deliver/pool_private.h"

/* How many deliveries a worker may hold: what it does in about POOL_PIPELINE_US. One until that is known. */
static int pool_depth(const struct pool *pool) {
    if (!pool->service_us)
        return 1;
    int64_t depth = POOL_PIPELINE_US / pool->service_us;
    return depth < 1 ? 1 : depth > POOL_DEPTH_LIMIT ? POOL_DEPTH_LIMIT : (int)depth;
}

static bool feed_usable(const struct pool_slot *slot) {
    return slot->worker && worker_state(slot->worker) == WORKER_READY && !worker_alone(slot->worker);
}

/* Of the workers with room the one that holds the least; null if none has room. A worker that is kept free for one that must be alone is
 * passed over. */
static struct pool_slot *feed_choose(struct pool *pool, int depth, const struct pool_slot *kept_free) {
    struct pool_slot *chosen = NULL;
    for (int i = 0; i < pool->worker_count; i++) {
        struct pool_slot *slot = &pool->slots[i];
        if (slot == kept_free || !feed_usable(slot) || worker_held(slot->worker) >= depth ||
            worker_held_bytes(slot->worker) >= POOL_HELD_BYTES)
            continue;
        if (!chosen || worker_held(slot->worker) < worker_held(chosen->worker))
            chosen = slot;
    }
    return chosen;
}

static void feed_give(struct pool *pool, struct pool_slot *slot, struct delivery *delivery, int64_t now_ms) {
    int64_t deadline_ms = pool->plugin->deadline_ms;
    worker_give(slot->worker, delivery);
    if (slot->check_ms > now_ms + deadline_ms)
        slot->check_ms = now_ms + deadline_ms;
}

/* Deliveries that must be alone: each to a worker that holds nothing. Returns the worker that gets nothing else until it is empty. */
static struct pool_slot *feed_alone(struct pool *pool, int64_t now_ms, int64_t now) {
    struct pool_slot *kept_free = NULL;
    for (int i = 0; i < pool->worker_count && pool->alone.first; i++) {
        struct pool_slot *slot = &pool->slots[i];
        if (!feed_usable(slot))
            continue;
        if (worker_held(slot->worker) == 0 && pool_breaker_admit(pool, pool->alone.first, now))
            feed_give(pool, slot, delivery_take(&pool->alone), now_ms);
        else if (!kept_free)
            kept_free = slot;
    }
    return pool->alone.first ? kept_free : NULL;
}

/* One of those that wait, each time another: what comes back goes to the end of its list, or to the store, and the lists take turns. It
 * goes out when no worker holds anything else, so that its outcome is the only one. */
static void feed_probe(struct pool *pool, int64_t now_ms, int64_t now) {
    struct pool_slot *slot = feed_choose(pool, 1, NULL);
    bool alone = pool->alone.first && !(pool->probed_alone && pool->waiting.first);
    struct delivery_list *list = alone ? &pool->alone : &pool->waiting;
    if (!slot || !list->first || !pool_breaker_admit(pool, list->first, now))
        return;
    pool->probed_alone = alone;
    feed_give(pool, slot, delivery_take(list), now_ms);
    worker_send(slot->worker);
}

static void feed_all(struct pool *pool, int64_t now_ms, int64_t now) {
    struct pool_slot *kept_free = feed_alone(pool, now_ms, now);
    int depth = pool_depth(pool);
    while (pool->waiting.first) {
        struct pool_slot *slot = feed_choose(pool, depth, kept_free);
        if (!slot || !pool_breaker_admit(pool, pool->waiting.first, now))
            break;
        feed_give(pool, slot, delivery_take(&pool->waiting), now_ms);
        if (!pool->waiting.first)
            pool_read(pool, now);
    }
    for (int i = 0; i < pool->worker_count; i++)
        if (pool->slots[i].worker)
            worker_send(pool->slots[i].worker);
}

/* While the breaker is open nothing is read from the store until a probe can go out. */
static bool feed_stands(const struct pool *pool, int64_t now) {
    const struct breaker *breaker = &pool->breaker;
    return breaker->state == STATUS_BREAKER_PROBING ||
           (breaker->state == STATUS_BREAKER_OPEN && (breaker->until_ms > now || pool_held(pool) > 0));
}

/* The store is read here, on the main thread: at most POOL_READ_LIMIT deliveries at a time, from an index, mostly from memory. That is only done
 * for what did not come by handover: a backlog, or retries. */
void pool_feed(struct pool *pool, int64_t now_ms) {
    if (!pool->started || pool->stopping || pool->short_until_ms > now_ms)
        return;
    int64_t now = pool_now(pool);
    pool_breaker_tick(pool, now);
    if (feed_stands(pool, now))
        return;
    pool_read(pool, now);
    if (pool->breaker.state == STATUS_BREAKER_OPEN)
        feed_probe(pool, now_ms, now);
    else
        feed_all(pool, now_ms, now);
}

/* When pool_feed is needed next for the sake of time (monotonic): all else that it waits for turns the loop. */
static int64_t feed_wake(const struct pool *pool, int64_t now_ms) {
    const struct breaker *breaker = &pool->breaker;
    if (pool->short_until_ms > now_ms)
        return pool->short_until_ms;
    if (breaker->state == STATUS_BREAKER_CLOSED && pool->next_due_ms == INT64_MAX && !pool->behind)
        return INT64_MAX;
    int64_t now = pool_now(pool), wake = breaker_wake(breaker); /* store_clock_ms */
    if (feed_stands(pool, now))
        return wake <= now || wake == INT64_MAX ? INT64_MAX : now_ms + wake - now;
    if (breaker->state == STATUS_BREAKER_OPEN) /* that time is over: it waits for something to send */
        wake = INT64_MAX;
    if (pool->next_due_ms < wake && pool_wants_more(pool))
        wake = pool->next_due_ms;
    wake = wake == INT64_MAX ? wake : wake <= now ? now_ms : now_ms + wake - now;
    if (pool->behind && pool->look_again_ms > now_ms && pool->look_again_ms < wake)
        wake = pool->look_again_ms;
    return wake;
}

int64_t pool_wake(const struct pool *pool, bool feeding) {
    int64_t wake = INT64_MAX;
    for (int i = 0; i < pool->worker_count; i++) {
        const struct pool_slot *slot = &pool->slots[i];
        int64_t next = slot->worker ? slot->check_ms : slot->retired || pool->stopping ? INT64_MAX : slot->restart_ms;
        wake = next < wake ? next : wake;
    }
    if (!pool->started || pool->stopping || !feeding)
        return wake;
    int64_t fed = feed_wake(pool, clock_monotonic_ms());
    return fed < wake ? fed : wake;
}
