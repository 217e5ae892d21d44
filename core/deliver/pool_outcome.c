/* What becomes of an attempt: done, later, back to the queue, or dead. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/units.h"
#include "deliver/backoff.h"
#include "deliver/pool_private.h"
#include "grapnel/plugin.h"

/* splitmix64. Jitter needs no secrecy, only that pools differ. */
double pool_random(struct pool *pool) {
    uint64_t mixed = (pool->random += 0x9e3779b97f4a7c15U);
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9U;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebU;
    return (double)((mixed ^ (mixed >> 31)) >> 11) / 9007199254740992.0;
}

void pool_duration_format(int64_t ms, char text[UNITS_TEXT_SIZE]) {
    duration_format(ms < POOL_ROUND_MS ? ms : (ms + 500) / 1000 * 1000, text);
}

static const enum store_outcome store_outcomes[STATUS_OUTCOMES] = {
    [STATUS_OK] = STORE_OUTCOME_OK,       [STATUS_RETRY] = STORE_OUTCOME_RETRY,
    [STATUS_BUSY] = STORE_OUTCOME_RETRY,  [STATUS_FAIL] = STORE_OUTCOME_FAIL,
    [STATUS_CRASH] = STORE_OUTCOME_CRASH, [STATUS_DEADLINE] = STORE_OUTCOME_DEADLINE,
};

/* What a line about an attempt is about. */
enum { OUTCOME_FIELDS = 10 };
static size_t outcome_fields(const struct pool *pool, const struct delivery *delivery,
                             const struct store_settle *settled, struct log_field fields[OUTCOME_FIELDS]) {
    const struct event *event = delivery->event;
    size_t count = 0;
    fields[count++] = log_text(LOG_PLUGIN, pool->plugin->name);
    fields[count++] = log_bytes(LOG_SOURCE, event->source);
    fields[count++] = log_bytes(LOG_ID, event->id);
    fields[count++] = log_bytes(LOG_TYPE, event->type);
    fields[count++] = log_number(LOG_ATTEMPT, settled->attempts);
    fields[count++] = log_text(LOG_OUTCOME, store_outcome_text(settled->outcome));
    fields[count++] = log_number(LOG_DURATION_MS, settled->duration_us ? settled->duration_us : LOG_NO_NUMBER);
    return count;
}

/* The one line about a failed attempt. */
static void outcome_log_failed(struct pool *pool, const struct delivery *delivery, const struct store_settle *settled,
                               int64_t delay_ms, const char *detail) {
    struct log_field fields[OUTCOME_FIELDS];
    char delay[UNITS_TEXT_SIZE];
    bool dead = settled->settlement == STORE_DEAD;
    const char *reason = dead ? store_reason_text(settled->reason) : NULL;
    size_t count = outcome_fields(pool, delivery, settled, fields);
    pool_duration_format(delay_ms, delay);
    fields[count++] = log_text(LOG_REASON, reason);
    fields[count++] = log_text(LOG_ERROR, detail);
    fields[count++] = log_number(LOG_NEXT, dead ? LOG_NO_NUMBER : settled->at_ms + delay_ms);
    log_event(pool->services.log, LOG_LEVEL_WARN, dead ? &pool->dead_lines : &pool->failure_lines, fields, count,
              "plugin \"%s\": %s/%s: attempt %d failed: %s; %s%s", pool->plugin->name, delivery->event->source.data,
              delivery->event->id.data, settled->attempts, *detail ? detail : "no reason given",
              dead ? "dead letter, reason " : "again in ", dead ? reason : delay);
}

static void outcome_log_done(struct pool *pool, const struct delivery *delivery, const struct store_settle *settled) {
    struct log_field fields[OUTCOME_FIELDS];
    if (pool->services.log->level > LOG_LEVEL_DEBUG)
        return;
    size_t count = outcome_fields(pool, delivery, settled, fields);
    log_event(pool->services.log, LOG_LEVEL_DEBUG, NULL, fields, count, "plugin \"%s\": %s/%s: delivered, attempt %d",
              pool->plugin->name, delivery->event->source.data, delivery->event->id.data, settled->attempts);
}

/* Hands the delivery to the store. When memory is short for that, it is delivered again: at least once. */
static void pool_settle(struct pool *pool, struct delivery *delivery, const struct store_settle *settled,
                        const char *detail) {
    struct store_settle *settle = store_settle_make(detail);
    if (!settle) {
        pool->short_until_ms = clock_monotonic_ms() + POOL_RETRY_LOOK_MS;
        delivery_prepend(delivery->alone ? &pool->alone : &pool->waiting, delivery);
        return;
    }
    settle->event = delivery->event->number;
    settle->plugin = pool->number;
    settle->settlement = settled->settlement;
    settle->outcome = settled->outcome;
    settle->reason = settled->reason;
    settle->attempts = settled->attempts;
    settle->crashes = settled->crashes;
    settle->at_ms = settled->at_ms;
    settle->due_ms = settled->due_ms;
    settle->since_ms = settled->since_ms;
    settle->duration_us = settled->duration_us;
    delivery->settlement = settled->settlement;
    delivery->due_ms = settled->due_ms;
    pool->services.settle(pool->services.owner, delivery, settle);
}

/* How long until the next attempt: by the schedule or by what the plugin asked for; but the last one is made when the time to give up has
 * come, so that none dies without one made just then. */
static int64_t pool_delay(struct pool *pool, const struct store_settle *settled, int64_t after_ms, int64_t own) {
    const struct setup_retry *retry = &pool->plugin->retry;
    int64_t delay = after_ms > 0 ? backoff_clamp(after_ms) : backoff_delay(retry, settled->attempts, pool_random(pool));
    int64_t left = settled->since_ms + retry->give_up_ms - own;
    return delay > left ? left : delay;
}

/* Dead, with the reason, or not. `own`: the pool's own clock, see pool_own_clock. */
static bool pool_is_dead(const struct pool *pool, struct store_settle *settled, int64_t own) {
    const struct setup_retry *retry = &pool->plugin->retry;
    if (settled->outcome == STORE_OUTCOME_FAIL)
        settled->reason = STORE_REASON_FAIL;
    else if (settled->crashes >= POOL_POISON_CRASHES)
        settled->reason = STORE_REASON_POISON;
    else if (settled->attempts >= retry->attempts)
        settled->reason = STORE_REASON_ATTEMPTS;
    else if (own >= settled->since_ms + retry->give_up_ms)
        settled->reason = STORE_REASON_GIVE_UP;
    else
        return false;
    return true;
}

/* A failed attempt: another one later, or a dead letter. */
static void pool_fail(struct pool *pool, struct delivery *delivery, struct store_settle *settled, int64_t after_ms,
                      const char *detail) {
    int64_t now = pool_now(pool), own = pool_own_clock(pool, now), delay = 0;
    settled->since_ms = delivery->since_ms ? delivery->since_ms : own;
    bool dead = pool_is_dead(pool, settled, own);
    settled->settlement = dead ? STORE_DEAD : STORE_LATER;
    if (!dead) {
        delay = pool_delay(pool, settled, after_ms, own);
        settled->due_ms = now + delay;
    }
    outcome_log_failed(pool, delivery, settled, delay, detail);
    pool->counts.failed++;
    pool->counts.dead += dead;
    pool_settle(pool, delivery, settled, detail);
}

static void pool_note_duration(struct pool *pool, int64_t duration_us) {
    int64_t took = duration_us < 1 ? 1 : duration_us;
    histogram_add(&pool->delivery_us, &status_delivery_scale, duration_us);
    pool->service_us = pool->service_us ? pool->service_us + (took - pool->service_us) / 8 : took;
}

static enum status_outcome outcome_of(int code) {
    switch (code) {
    case GRAPNEL_OK:
        return STATUS_OK;
    case GRAPNEL_BUSY:
        return STATUS_BUSY;
    case GRAPNEL_FAIL:
        return STATUS_FAIL;
    default:
        return STATUS_RETRY;
    }
}

void pool_outcome(void *owner, struct worker *worker, struct delivery *delivery, const struct worker_outcome *outcome) {
    struct pool *pool = owner;
    enum status_outcome kind = outcome_of(outcome->code);
    char detail[STORE_DETAIL_LIMIT + 2]; /* one byte more than is kept, so that a cut is seen there and made cleanly */
    snprintf(detail, sizeof detail, "%.*s", (int)outcome->text.length, outcome->text.data ? outcome->text.data : "");
    for (int i = 0; i < pool->worker_count; i++)
        if (pool->slots[i].worker == worker)
            pool->slots[i].backoff_ms = 0;
    if (outcome->duration_us >= 0)
        pool_note_duration(pool, outcome->duration_us);
    pool->outcomes[kind]++;
    struct store_settle settled = { .settlement = STORE_DONE,
                                    .outcome = store_outcomes[kind],
                                    .attempts = delivery->attempts + 1,
                                    .crashes = delivery->crashes,
                                    .at_ms = clock_wall_ms(),
                                    .duration_us = outcome->duration_us > 0 ? outcome->duration_us : 0 };
    if (kind == STATUS_OK) {
        pool->counts.done++;
        outcome_log_done(pool, delivery, &settled);
        pool_settle(pool, delivery, &settled, detail);
    } else if (kind == STATUS_BUSY) { /* comes again, behind all others */
        delivery_append(delivery->alone ? &pool->alone : &pool->waiting, delivery);
    } else {
        pool_fail(pool, delivery, &settled, outcome->after_ms, detail);
    }
    /* The delivery is still there: it is freed when the store has answered, in another turn of the loop. */
    pool_breaker_hear(pool, kind, delivery, outcome->after_ms, detail);
}

void pool_charge(struct pool *pool, struct delivery *delivery, enum status_outcome outcome, const char *why) {
    struct store_settle settled = { .outcome = store_outcomes[outcome],
                                    .attempts = delivery->attempts + 1,
                                    .crashes = delivery->crashes + (outcome == STATUS_CRASH ? 1 : 0),
                                    .at_ms = clock_wall_ms() };
    char detail[STORE_DETAIL_LIMIT];
    snprintf(detail, sizeof detail, "its worker %s", why);
    pool->outcomes[outcome]++;
    pool_fail(pool, delivery, &settled, 0, detail);
    pool_breaker_hear(pool, outcome, delivery, 0, detail);
}

void pool_report(struct pool *pool, bool last) {
    const struct pool_counts *counts = &pool->counts;
    char what[FAULT_TEXT_SIZE];
    const struct log_field fields[] = { log_text(LOG_PLUGIN, pool->plugin->name),
                                        log_number(LOG_DELIVERED, counts->done), log_number(LOG_FAILED, counts->failed),
                                        log_number(LOG_DEAD, counts->dead) };
    if (counts->done || counts->failed)
        log_event(pool->services.log, LOG_LEVEL_INFO, NULL, fields, sizeof fields / sizeof *fields,
                  "plugin \"%s\": delivered: %lld, failed attempts: %lld, dead letters: %lld", pool->plugin->name,
                  (long long)counts->done, (long long)counts->failed, (long long)counts->dead);
    pool->counts = (struct pool_counts){ 0 };
    const struct {
        struct log_limit *limit;
        const char *what;
    } told[] = { { &pool->dead_lines, "dead letters" },
                 { &pool->failure_lines, "failed attempts" },
                 { &pool->breaker_lines, "changes of its breaker" },
                 { &pool->worker_lines, "workers that begin and end" },
                 { &pool->plugin_lines, "what it logs and prints" } };
    for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
        snprintf(what, sizeof what, "plugin \"%s\": %s", pool->plugin->name, told[i].what);
        log_limit_tell(pool->services.log, told[i].limit, last, what);
    }
}
