/* What waits for a pool: fresh deliveries handed over by the writer or read from the store, due retries, and claims.
 *
 * Fresh deliveries come in order of event number. `cursor` says up to where they were taken; when memory is full, further ones are left in
 * the store (`behind`) and read from there in their turn, so that a backlog of millions takes no memory. Retries are claimed while they are
 * in memory, so that reading the store again does not bring them twice. */
#include <stdlib.h>

#include "base/clock.h"
#include "deliver/backoff.h"
#include "deliver/pool_private.h"

static struct delivery **claim_bucket(struct pool *pool, int64_t event_number) {
    return &pool->claims[(uint64_t)event_number % POOL_CLAIM_BUCKETS];
}

void pool_claim(struct pool *pool, struct delivery *delivery) {
    struct delivery **bucket = claim_bucket(pool, delivery->event->number);
    delivery->claimed = true;
    delivery->claim_next = *bucket;
    *bucket = delivery;
    pool->claim_count++;
}

void pool_unclaim(struct pool *pool, struct delivery *delivery) {
    if (!delivery->claimed)
        return;
    struct delivery **place = claim_bucket(pool, delivery->event->number);
    while (*place && *place != delivery)
        place = &(*place)->claim_next;
    if (*place)
        *place = delivery->claim_next;
    delivery->claimed = false;
    pool->claim_count--;
}

static bool pool_has_claim(struct pool *pool, int64_t event_number) {
    for (struct delivery *claim = *claim_bucket(pool, event_number); claim; claim = claim->claim_next)
        if (claim->event->number == event_number)
            return true;
    return false;
}

static bool pool_has_room(const struct pool *pool) {
    return pool->claim_count <= POOL_WAITING_LIMIT && pool->waiting.count < POOL_WAITING_LIMIT &&
           pool->waiting.bytes < POOL_WAITING_BYTES;
}

bool pool_wants_more(const struct pool *pool) {
    return pool->waiting.count < POOL_READ_LIMIT && pool_has_room(pool);
}

void pool_offer(struct pool *pool, struct event *event) {
    if (event->number <= pool->cursor || pool->behind)
        return;
    /* A stream of these must not keep out retries that are due. */
    bool room = pool_has_room(pool) && (pool_wants_more(pool) || pool->next_due_ms > pool_now(pool));
    struct delivery *delivery = room ? delivery_make(pool, event, 0, 0) : NULL;
    if (!delivery) {
        pool->behind = true;
        return;
    }
    pool->cursor = event->number;
    delivery_append(&pool->waiting, delivery);
}

void pool_fell_behind(struct pool *pool) {
    pool->behind = true;
}

void pool_reopened(struct pool *pool) {
    pool->next_due_ms = 0;
}

/* One look into the store: so much at once that it is worth it, and no more, so that nothing else has to wait long. */
struct pool_reading {
    struct pool *pool;
    int count;
    size_t bytes;
    bool failed; /* no memory for the latest; those after it must not be taken before it */
};

static bool pool_take(struct pool_reading *reading, const struct store_delivery *found, bool claim) {
    struct pool *pool = reading->pool;
    struct delivery *delivery = delivery_make(pool, found->event, found->attempts, found->crashes);
    reading->failed = !delivery;
    if (!delivery)
        return false;
    delivery->replay = found->replay;
    delivery->since_ms = found->since_ms;
    if (claim)
        pool_claim(pool, delivery);
    delivery_append(&pool->waiting, delivery);
    reading->bytes += found->event->body.length + found->event->headers.length;
    return ++reading->count < POOL_READ_LIMIT && reading->bytes < POOL_READ_BYTES && pool_has_room(pool);
}

static bool pool_take_fresh(void *context, const struct store_delivery *found) {
    struct pool_reading *reading = context;
    bool more = pool_take(reading, found, false);
    if (!reading->failed)
        reading->pool->cursor = found->event->number;
    return more;
}

static void pool_read_fresh(struct pool *pool) {
    struct pool_reading reading = { .pool = pool };
    struct store_taker taker = { .context = &reading, .take = pool_take_fresh };
    if (!pool->behind || !pool_wants_more(pool) || clock_monotonic_ms() < pool->look_again_ms)
        return;
    enum store_read read = store_read_fresh(pool->services.reader, pool->number, pool->cursor, &taker);
    /* Whatever is committed after this look is offered: the writer hands over after its commit. */
    if (read == STORE_READ_ALL)
        pool->behind = false;
    else if (read == STORE_READ_FAILED || reading.failed)
        pool->look_again_ms = clock_monotonic_ms() + POOL_RETRY_LOOK_MS;
}

/* Claimed ones still stand in the store as due. */
static bool pool_is_unclaimed(void *context, int64_t event_number) {
    struct pool_reading *reading = context;
    return !pool_has_claim(reading->pool, event_number);
}

static bool pool_take_due(void *context, const struct store_delivery *found) {
    return pool_take(context, found, true);
}

/* No schedule puts a delivery off for longer: what claims to be due later was written by another clock, and is due now. */
static int64_t pool_farthest_due(const struct pool *pool, int64_t now) {
    int64_t longest = pool->plugin->retry.longest_ms * 2;
    return now + (longest > BACKOFF_ASKED_MOST_MS ? longest : BACKOFF_ASKED_MOST_MS) + POOL_DUE_SLACK_MS;
}

static void pool_read_due(struct pool *pool, int64_t now) {
    struct pool_reading reading = { .pool = pool };
    struct store_taker taker = { .context = &reading, .wants = pool_is_unclaimed, .take = pool_take_due };
    struct store_reader *reader = pool->services.reader;
    if (pool->next_due_ms > now || !pool_wants_more(pool))
        return;
    enum store_read read = store_read_due(reader, pool->number, now, &taker);
    bool known = read == STORE_READ_ALL && store_next_due(reader, pool->number, now, &pool->next_due_ms);
    if (known && pool->next_due_ms != INT64_MAX && pool->next_due_ms > pool_farthest_due(pool, now)) {
        read = pool_has_room(pool) ? store_read_due(reader, pool->number, pool->next_due_ms, &taker) : STORE_READ_SOME;
        known = false;
    }
    if (read == STORE_READ_SOME && !reading.failed)
        pool->next_due_ms = now;
    else if (!known)
        pool->next_due_ms = now + POOL_RETRY_LOOK_MS;
}

void pool_read(struct pool *pool, int64_t now) {
    if (!pool_wants_more(pool))
        return;
    pool->due_first = !pool->due_first;
    if (pool->due_first)
        pool_read_due(pool, now);
    pool_read_fresh(pool);
    if (!pool->due_first)
        pool_read_due(pool, now);
}

void pool_put_back(struct pool *pool, struct delivery_list *list) {
    struct delivery_list front = { 0 };
    for (struct delivery *delivery; (delivery = delivery_take(list));) {
        delivery->sequence = 0;
        delivery_append(delivery->alone ? &pool->alone : &front, delivery);
    }
    delivery_prepend_all(&pool->waiting, &front);
}

void pool_settled(struct delivery *delivery) {
    struct pool *pool = delivery->pool;
    if (delivery->settlement == STORE_LATER && delivery->due_ms < pool->next_due_ms)
        pool->next_due_ms = delivery->due_ms;
    pool_unclaim(pool, delivery);
    delivery_free(delivery);
}
