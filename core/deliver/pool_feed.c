/* Which waiting delivery goes to which worker. */
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

static void feed_give(struct pool_slot *slot, struct delivery *delivery, int64_t deadline_ms, int64_t now_ms) {
    worker_give(slot->worker, delivery);
    if (slot->check_ms > now_ms + deadline_ms)
        slot->check_ms = now_ms + deadline_ms;
}

/* Deliveries that must be alone: each to a worker that holds nothing. Returns the worker that gets nothing else until it is empty. */
static struct pool_slot *feed_alone(struct pool *pool, int64_t now_ms) {
    struct pool_slot *kept_free = NULL;
    for (int i = 0; i < pool->worker_count && pool->alone.first; i++) {
        struct pool_slot *slot = &pool->slots[i];
        if (!feed_usable(slot))
            continue;
        if (worker_held(slot->worker) == 0)
            feed_give(slot, delivery_take(&pool->alone), pool->plugin->deadline_ms, now_ms);
        else if (!kept_free)
            kept_free = slot;
    }
    return pool->alone.first ? kept_free : NULL;
}

/* The store is read here, on the main thread: at most POOL_READ_LIMIT deliveries at a time, from an index, mostly from memory. That is only done
 * for what did not come by handover: a backlog, or retries. */
void pool_feed(struct pool *pool, int64_t now_ms) {
    if (!pool->started || pool->stopping || pool->paused_until_ms > now_ms)
        return;
    pool_read_due(pool);
    pool_refill(pool);
    struct pool_slot *kept_free = feed_alone(pool, now_ms);
    int depth = pool_depth(pool);
    while (pool->waiting.first) {
        struct pool_slot *slot = feed_choose(pool, depth, kept_free);
        if (!slot)
            break;
        feed_give(slot, delivery_take(&pool->waiting), pool->plugin->deadline_ms, now_ms);
        if (!pool->waiting.first)
            pool_refill(pool);
    }
    for (int i = 0; i < pool->worker_count; i++)
        if (pool->slots[i].worker)
            worker_send(pool->slots[i].worker);
}
