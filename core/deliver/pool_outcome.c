/* What becomes of an attempt: done, later, back to the queue, or dead. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/units.h"
#include "deliver/backoff.h"
#include "deliver/pool_private.h"
#include "grapnel/plugin.h"

/* Uniform in [0, 1): splitmix64. Jitter needs no secrecy, only that pools differ. */
static double pool_random(struct pool *pool) {
    uint64_t mixed = (pool->random += 0x9e3779b97f4a7c15U);
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9U;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebU;
    return (double)((mixed ^ (mixed >> 31)) >> 11) / 9007199254740992.0;
}

static void outcome_log(struct pool *pool, struct log_limit *limit, const struct delivery *delivery, const char *what) {
    log_limited(pool->services.log, limit, LOG_LEVEL_WARN, "plugin \"%s\": %s/%s: %s", pool->plugin->name,
                delivery->event->source.data, delivery->event->id.data, what);
}

/* Hands the delivery to the store. When memory is short for that, it is delivered again: at least once. */
static void pool_settle(struct pool *pool, struct delivery *delivery, const struct store_settle *settled,
                        const char *detail) {
    struct store_settle *settle = store_settle_make(detail);
    if (!settle) {
        pool->paused_until_ms = clock_monotonic_ms() + POOL_RETRY_LOOK_MS;
        delivery_prepend(delivery->alone ? &pool->alone : &pool->waiting, delivery);
        return;
    }
    settle->event = delivery->event->number;
    settle->plugin = pool->number;
    settle->settlement = settled->settlement;
    settle->reason = settled->reason;
    settle->attempts = settled->attempts;
    settle->crashes = settled->crashes;
    settle->at_ms = settled->at_ms;
    settle->due_ms = settled->due_ms;
    settle->duration_us = settled->duration_us;
    delivery->settlement = settled->settlement;
    delivery->due_ms = settled->due_ms;
    pool->services.settle(pool->services.owner, delivery, settle);
}

/* Later by the schedule or by what the plugin asked for; but the last attempt is made when the time to give up has come, so that none dies
 * without one made just then. */
static int64_t pool_due(struct pool *pool, const struct delivery *delivery, int attempts, int64_t after_ms,
                        int64_t now) {
    const struct setup_retry *retry = &pool->plugin->retry;
    int64_t delay = after_ms > 0 ? backoff_clamp(after_ms) : backoff_delay(retry, attempts, pool_random(pool));
    int64_t give_up = delivery->event->received_ms + retry->give_up_ms;
    return now + delay > give_up ? give_up : now + delay;
}

/* A failed attempt: another one later, or a dead letter. */
static void pool_fail(struct pool *pool, struct delivery *delivery, struct store_settle *settled, int64_t after_ms,
                      const char *detail) {
    const struct setup_retry *retry = &pool->plugin->retry;
    char what[STORE_DETAIL_LIMIT + 128], delay[UNITS_TEXT_SIZE];
    bool dead = true;
    if (settled->settlement == STORE_DEAD)
        settled->reason = STORE_REASON_FAIL;
    else if (settled->crashes >= POOL_POISON_CRASHES)
        settled->reason = STORE_REASON_POISON;
    else if (settled->attempts >= retry->attempts)
        settled->reason = STORE_REASON_ATTEMPTS;
    else if (settled->at_ms >= delivery->event->received_ms + retry->give_up_ms)
        settled->reason = STORE_REASON_GIVE_UP;
    else
        dead = false;
    settled->settlement = dead ? STORE_DEAD : STORE_LATER;
    if (!dead)
        settled->due_ms = pool_due(pool, delivery, settled->attempts, after_ms, settled->at_ms);
    duration_format(settled->due_ms - settled->at_ms, delay);
    snprintf(what, sizeof what, "attempt %d failed: %s; %s%s", settled->attempts, *detail ? detail : "no reason given",
             dead ? "dead letter, reason " : "again in ", dead ? store_reason_text(settled->reason) : delay);
    outcome_log(pool, dead ? &pool->dead_lines : &pool->failure_lines, delivery, what);
    pool->counts.failed++;
    pool->counts.dead += dead;
    pool_settle(pool, delivery, settled, detail);
}

static void pool_busy(struct pool *pool, struct delivery *delivery, int64_t after_ms, const char *detail) {
    char what[STORE_DETAIL_LIMIT + 128], pause_text[UNITS_TEXT_SIZE];
    int64_t pause = after_ms > 0 ? backoff_clamp(after_ms) : POOL_BUSY_PAUSE_MS;
    int64_t until = clock_monotonic_ms() + pause;
    if (until > pool->paused_until_ms) {
        duration_format(pause, pause_text);
        snprintf(what, sizeof what, "busy: %s; all its events wait for %s, no attempt is counted",
                 *detail ? detail : "no reason given", pause_text);
        outcome_log(pool, &pool->failure_lines, delivery, what);
        pool->paused_until_ms = until;
    }
    delivery_append(delivery->alone ? &pool->alone : &pool->waiting, delivery);
}

static void pool_note_duration(struct pool *pool, int64_t duration_us) {
    int64_t took = duration_us < 1 ? 1 : duration_us;
    pool->service_us = pool->service_us ? pool->service_us + (took - pool->service_us) / 8 : took;
}

void pool_outcome(void *owner, struct worker *worker, struct delivery *delivery, const struct worker_outcome *outcome) {
    struct pool *pool = owner;
    char detail[STORE_DETAIL_LIMIT + 2]; /* one byte more than is kept, so that a cut is seen there and made cleanly */
    snprintf(detail, sizeof detail, "%.*s", (int)outcome->text.length, outcome->text.data ? outcome->text.data : "");
    for (int i = 0; i < pool->worker_count; i++)
        if (pool->slots[i].worker == worker)
            pool->slots[i].backoff_ms = 0;
    if (outcome->duration_us >= 0)
        pool_note_duration(pool, outcome->duration_us);
    struct store_settle settled = { .attempts = delivery->attempts + 1,
                                    .crashes = delivery->crashes,
                                    .at_ms = clock_wall_ms(),
                                    .duration_us = outcome->duration_us > 0 ? outcome->duration_us : 0 };
    switch (outcome->code) {
    case GRAPNEL_OK:
        settled.settlement = STORE_DONE;
        pool->counts.done++;
        pool_settle(pool, delivery, &settled, detail);
        break;
    case GRAPNEL_BUSY:
        pool_busy(pool, delivery, outcome->after_ms, detail);
        break;
    default:
        settled.settlement = outcome->code == GRAPNEL_FAIL ? STORE_DEAD : STORE_LATER;
        pool_fail(pool, delivery, &settled, outcome->after_ms, detail);
    }
}

void pool_charge(struct pool *pool, struct delivery *delivery, bool crashed, const char *why) {
    struct store_settle settled = { .settlement = STORE_LATER,
                                    .attempts = delivery->attempts + 1,
                                    .crashes = delivery->crashes + (crashed ? 1 : 0),
                                    .at_ms = clock_wall_ms() };
    char detail[STORE_DETAIL_LIMIT];
    snprintf(detail, sizeof detail, "its worker %s", why);
    pool_fail(pool, delivery, &settled, 0, detail);
}

void pool_report(struct pool *pool, bool last) {
    const struct pool_counts *counts = &pool->counts;
    char what[FAULT_TEXT_SIZE];
    if (counts->done || counts->failed)
        log_info(pool->services.log, "plugin \"%s\": delivered: %lld, failed attempts: %lld, dead letters: %lld",
                 pool->plugin->name, (long long)counts->done, (long long)counts->failed, (long long)counts->dead);
    pool->counts = (struct pool_counts){ 0 };
    const struct {
        struct log_limit *limit;
        const char *what;
    } told[] = { { &pool->dead_lines, "dead letters" },
                 { &pool->failure_lines, "failed attempts" },
                 { &pool->plugin_lines, "what it logs and prints" } };
    for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
        snprintf(what, sizeof what, "plugin \"%s\": %s", pool->plugin->name, told[i].what);
        log_limit_tell(pool->services.log, told[i].limit, last, what);
    }
}
