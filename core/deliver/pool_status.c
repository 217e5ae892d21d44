/* How a pool is doing, for people. */
#include <stdio.h>
#include <string.h>

#include "deliver/pool_private.h"

static void status_fill_workers(const struct pool *pool, struct plugin_status *status) {
    status->workers = pool->worker_count;
    for (int i = 0; i < pool->worker_count; i++) {
        const struct worker *worker = pool->slots[i].worker;
        if (!worker)
            continue;
        status->processes[status->process_count++] = worker_process(worker);
        status->running += worker_state(worker) == WORKER_READY;
        status->held += worker_held(worker);
    }
}

static void status_fill_breaker(const struct pool *pool, struct plugin_status *status) {
    const struct breaker *breaker = &pool->breaker;
    status->breaker = breaker->state;
    if (breaker->state == STATUS_BREAKER_OPEN) {
        int64_t left = breaker->until_ms - pool_now(pool);
        status->probe_in_ms = left > 0 ? left : 0;
    }
    if (breaker->state == STATUS_BREAKER_SLOW)
        status->rate = breaker->rate;
    bool stands = breaker->state == STATUS_BREAKER_OPEN || breaker->state == STATUS_BREAKER_PROBING;
    const char *why = stands ? pool->breaker_why : status->running ? "" : pool->worker_why;
    snprintf(status->why, sizeof status->why, "%s", why);
}

void pool_fill_status(const struct pool *pool, struct plugin_status *status) {
    *status = (struct plugin_status){ .number = pool->number,
                                      .waiting = pool->waiting.count + pool->alone.count,
                                      .service_us = pool->service_us };
    snprintf(status->name, sizeof status->name, "%s", pool->plugin->name);
    snprintf(status->file, sizeof status->file, "%s", pool->plugin->file);
    status_fill_workers(pool, status);
    status_fill_breaker(pool, status);
    memcpy(status->outcomes, pool->outcomes, sizeof status->outcomes);
    memcpy(status->restarts, pool->restarts, sizeof status->restarts);
    for (int i = 0; i <= HISTOGRAM_BOUND_LIMIT; i++)
        status->delivery_us.counts[i] = pool->delivery_us.counts[i];
    status->delivery_us.sum = pool->delivery_us.sum;
}
