/* A pool and its breaker: what goes out, what is heard of it, and what is told and noted of each change. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "deliver/backoff.h"
#include "deliver/pool_private.h"

int64_t pool_now(const struct pool *pool) {
    return pool->services.store ? store_clock_ms(pool->services.store) : clock_wall_ms();
}

int64_t pool_own_clock(const struct pool *pool, int64_t now) {
    return now - breaker_stood(&pool->breaker, now);
}

/* `delivery`: the one whose outcome changed it; null: none. */
__attribute__((format(printf, 4, 5))) static void
breaker_log(struct pool *pool, enum log_level level, const struct delivery *delivery, const char *format, ...) {
    const struct breaker *breaker = &pool->breaker;
    const struct event *event = delivery ? delivery->event : NULL;
    char text[STORE_DETAIL_LIMIT + 512];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    bool open = breaker->state == STATUS_BREAKER_OPEN;
    const struct log_field fields[] = {
        log_text(LOG_PLUGIN, pool->plugin->name),
        log_text(LOG_BREAKER, status_breaker_text(breaker->state)),
        log_bytes(LOG_SOURCE, event ? event->source : (struct bytes){ 0 }),
        log_bytes(LOG_ID, event ? event->id : (struct bytes){ 0 }),
        log_text(LOG_ERROR, open ? pool->breaker_why : NULL),
        log_number(LOG_NEXT, open ? clock_wall_ms() + breaker->until_ms - pool_now(pool) : LOG_NO_NUMBER),
    };
    log_event(pool->services.log, level, &pool->breaker_lines, fields, sizeof fields / sizeof *fields,
              "plugin \"%s\": %s", pool->plugin->name, text);
}

static void breaker_store_note(struct pool *pool) {
    struct store_note note = breaker_note(&pool->breaker);
    if (memcmp(&note, &pool->noted, sizeof note) == 0)
        return;
    if (store_note(pool->services.store, pool->number, &note))
        pool->noted = note;
    else
        log_error(pool->services.log, "plugin \"%s\": out of memory: how its breaker stands is not written down",
                  pool->plugin->name);
}

void pool_breaker_begin(struct pool *pool) {
    char pause[UNITS_TEXT_SIZE];
    int64_t now = pool_now(pool);
    breaker_init(&pool->breaker, &pool->plugin->breaker);
    if (!pool->services.reader || !store_read_note(pool->services.reader, pool->number, &pool->noted))
        return;
    breaker_restore(&pool->breaker, &pool->noted, now);
    if (pool->breaker.state != STATUS_BREAKER_OPEN)
        return;
    pool_remember_why(pool->breaker_why, "it was open when the daemon ended");
    int64_t left = pool->breaker.until_ms - now;
    pool_duration_format(left > 0 ? left : 0, pause);
    breaker_log(pool, LOG_LEVEL_INFO, NULL, "its events still wait, as when the daemon ended; one is tried in %s",
                pause);
}

static void breaker_log_open(struct pool *pool, enum status_breaker before, enum status_outcome outcome,
                             const struct delivery *delivery, const char *detail, int64_t now) {
    const char *said = *detail ? detail : "no reason given", *source = delivery->event->source.data,
               *id = delivery->event->id.data;
    char pause[UNITS_TEXT_SIZE], wait[UNITS_TEXT_SIZE + 64];
    pool_duration_format(pool->breaker.until_ms - now, pause);
    snprintf(wait, sizeof wait, "all its events wait for %s, no attempt is counted", pause);
    pool_remember_why(pool->breaker_why, said);
    if (outcome == STATUS_BUSY)
        breaker_log(pool, LOG_LEVEL_WARN, delivery, "%s/%s: %sbusy: %s; %s", source, id,
                    before == STATUS_BREAKER_PROBING ? "still " : "", said, wait);
    else if (before == STATUS_BREAKER_PROBING)
        breaker_log(pool, LOG_LEVEL_WARN, delivery, "%s/%s, sent out to see whether it works again: %s: %s; %s", source,
                    id, status_outcome_text(outcome), said, wait);
    else
        breaker_log(pool, LOG_LEVEL_WARN, delivery,
                    "%s/%s: %s; as the first attempts at %lld events in a row have failed, %s", source, id, said,
                    (long long)pool->plugin->breaker.failures, wait);
}

/* One line for each change, and a note for the next start. */
static void breaker_changed(struct pool *pool, enum status_breaker before, int64_t stood_ms) {
    char stood[UNITS_TEXT_SIZE];
    switch (pool->breaker.state) {
    case STATUS_BREAKER_SLOW:
        pool_duration_format(stood_ms, stood);
        pool->breaker_why[0] = '\0';
        breaker_log(
            pool, LOG_LEVEL_INFO, NULL,
            "it works again, after %s; deliveries begin with %d a second, and twice as many in each further one", stood,
            BREAKER_SLOW_RATE);
        break;
    case STATUS_BREAKER_CLOSED:
        breaker_log(pool, LOG_LEVEL_INFO, NULL, "deliveries are no longer held back");
        break;
    case STATUS_BREAKER_OPEN: /* told where the reason is known */
    case STATUS_BREAKER_PROBING:
        break;
    }
    if (before != pool->breaker.state)
        breaker_store_note(pool);
}

void pool_breaker_tick(struct pool *pool, int64_t now) {
    enum status_breaker before = pool->breaker.state;
    breaker_tick(&pool->breaker, now);
    if (pool->breaker.state != before)
        breaker_changed(pool, before, 0);
}

bool pool_breaker_admit(struct pool *pool, const struct delivery *delivery, int64_t now) {
    enum status_breaker before = pool->breaker.state;
    if (before == STATUS_BREAKER_CLOSED)
        return true;
    bool admitted = breaker_admit(&pool->breaker, pool_held(pool), now);
    if (pool->breaker.state == STATUS_BREAKER_PROBING && before != STATUS_BREAKER_PROBING)
        log_debug(pool->services.log, "plugin \"%s\": %s/%s goes out to see whether it works again", pool->plugin->name,
                  delivery->event->source.data, delivery->event->id.data);
    return admitted;
}

void pool_breaker_hear(struct pool *pool, enum status_outcome outcome, const struct delivery *delivery,
                       int64_t after_ms, const char *detail) {
    struct breaker *breaker = &pool->breaker;
    enum status_breaker before = breaker->state;
    int64_t now = pool_now(pool), open_since = breaker->open_since_ms;
    int64_t first_of = delivery->attempts == 0 ? delivery->event->number : 0;
    int64_t asked = outcome == STATUS_BUSY && after_ms > 0 ? backoff_clamp(after_ms) : 0;
    breaker_hear(breaker, outcome, first_of, asked, pool_random(pool), now);
    if (breaker->state == before)
        return;
    if (breaker->state == STATUS_BREAKER_OPEN)
        breaker_log_open(pool, before, outcome, delivery, detail, now);
    breaker_changed(pool, before, open_since ? now - open_since : 0);
}

void pool_breaker_worker_ended(struct pool *pool) {
    if (pool->breaker.state == STATUS_BREAKER_PROBING && pool_held(pool) == 0)
        breaker_lose_probe(&pool->breaker, pool_now(pool));
}
