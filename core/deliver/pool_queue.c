/* What waits for a pool: fresh deliveries handed over by the writer or read from the store, due retries, and claims.
 *
 * Fresh deliveries come in order of event number. `cursor` says up to where they were taken; when memory is full, further ones are left in
 * the store (`behind`) and read from there in their turn, so that a backlog of millions takes no memory. Retries are claimed while they are
 * in memory, so that reading the store again does not bring them twice. */
#include <stdlib.h>

#include "base/clock.h"
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

bool pool_has_room(const struct pool *pool) {
    return pool->claim_count <= POOL_WAITING_LIMIT && pool->waiting.count < POOL_WAITING_LIMIT &&
           pool->waiting.bytes < POOL_WAITING_BYTES;
}

/* The largest one counts at once and is forgotten slowly: what a read may cost depends on it, not on the mean. */
static void pool_note_size(struct pool *pool, const struct event *event) {
    int64_t size = (int64_t)(event->body.length + event->headers.length);
    pool->event_bytes = size > pool->event_bytes ? size : pool->event_bytes - (pool->event_bytes - size) / 16;
}

void pool_offer(struct pool *pool, struct event *event) {
    pool_note_size(pool, event); /* also of those that will be read from the store */
    if (event->number <= pool->cursor || pool->behind)
        return;
    struct delivery *delivery = pool_has_room(pool) ? delivery_make(pool, event, 0, 0) : NULL;
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

/* How many to read at once, so that large events don't fill the memory. */
static int pool_read_count(const struct pool *pool) {
    int64_t count = POOL_READ_BYTES / (pool->event_bytes + 1), most = POOL_READ_MOST / pool->setup->limits.body;
    count = count < POOL_READ_LEAST ? POOL_READ_LEAST : count > POOL_READ_LIMIT ? POOL_READ_LIMIT : count;
    return most < 1 ? 1 : count < most ? (int)count : (int)most;
}

void pool_refill(struct pool *pool) {
    struct store_delivery found[POOL_READ_LIMIT];
    if (!pool->behind || pool->waiting.count >= POOL_READ_LIMIT || !pool_has_room(pool) ||
        clock_monotonic_ms() < pool->look_again_ms)
        return;
    int wanted = pool_read_count(pool);
    int count = store_read_fresh(pool->services.reader, pool->number, pool->cursor, found, wanted);
    bool complete = count >= 0;
    for (int i = 0; i < count; i++) {
        struct delivery *delivery = complete ? delivery_make(pool, found[i].event, 0, found[i].crashes) : NULL;
        if (delivery) {
            pool_note_size(pool, found[i].event);
            pool->cursor = found[i].event->number;
            delivery_append(&pool->waiting, delivery);
        }
        complete = delivery != NULL; /* one left out: those after it must not move the cursor past it */
        event_release(found[i].event);
    }
    /* A short answer was all there is, and whatever is committed after this look is offered: the writer hands over after its commit. */
    if (complete && count < wanted)
        pool->behind = false;
    if (!complete)
        pool->look_again_ms = clock_monotonic_ms() + POOL_RETRY_LOOK_MS;
}

void pool_read_due(struct pool *pool) {
    struct store_delivery found[POOL_READ_LIMIT + POOL_WAITING_LIMIT];
    int64_t now = clock_wall_ms();
    if (pool->next_due_ms > now || !pool_has_room(pool))
        return;
    /* Claimed ones still stand in the store as due, and first: ask for so many more. */
    int wanted = pool_read_count(pool) + pool->claim_count;
    int count = store_read_due(pool->services.reader, pool->number, now, found, wanted);
    bool complete = count >= 0;
    for (int i = 0; i < count; i++) {
        if (!pool_has_claim(pool, found[i].event->number)) {
            struct delivery *delivery = delivery_make(pool, found[i].event, found[i].attempts, found[i].crashes);
            if (delivery) {
                pool_note_size(pool, found[i].event);
                pool_claim(pool, delivery);
                delivery_append(&pool->waiting, delivery);
            }
            complete = complete && delivery;
        }
        event_release(found[i].event);
    }
    if (complete && count == wanted)
        pool->next_due_ms = now;
    else if (!complete || !store_next_due(pool->services.reader, pool->number, now, &pool->next_due_ms))
        pool->next_due_ms = now + POOL_RETRY_LOOK_MS;
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
