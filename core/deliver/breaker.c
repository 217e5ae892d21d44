/* Opens, probes, closes slowly. No clock, no randomness and no I/O of its own, so that a table of calls tests all of it. */
#include "deliver/breaker.h"

#include "deliver/backoff.h"

void breaker_init(struct breaker *breaker, const struct setup_breaker *setup) {
    *breaker = (struct breaker){ .setup = setup, .state = STATUS_BREAKER_CLOSED };
}

static void breaker_slow_start(struct breaker *breaker, int64_t now_ms) {
    breaker->state = STATUS_BREAKER_SLOW;
    breaker->open_since_ms = breaker->until_ms = 0;
    breaker->second_ms = now_ms;
    breaker->rate = BREAKER_SLOW_RATE;
    breaker->sent = 0;
    breaker->limited = breaker->holds_back = false;
    breaker->run = 0;
}

void breaker_restore(struct breaker *breaker, const struct store_note *note, int64_t now_ms) {
    int64_t farthest = now_ms + BACKOFF_ASKED_MOST_MS, longest = now_ms + 2 * breaker->setup->longest_ms;
    breaker->stood_ms = note->stood_ms;
    breaker->pause_ms = note->pause_ms;
    if (!note->open_since_ms && note->pause_ms) {
        breaker_slow_start(breaker, now_ms);
    } else if (note->open_since_ms) {
        breaker->state = STATUS_BREAKER_OPEN;
        breaker->open_since_ms = note->open_since_ms < now_ms ? note->open_since_ms : now_ms;
        breaker->until_ms = note->open_until_ms;
        if (breaker->until_ms > farthest && breaker->until_ms > longest) /* no pause is that long */
            breaker->until_ms = now_ms;
    }
}

struct store_note breaker_note(const struct breaker *breaker) {
    bool closed = breaker->state == STATUS_BREAKER_CLOSED;
    return (struct store_note){ .stood_ms = breaker->stood_ms,
                                .open_since_ms = breaker->open_since_ms,
                                .open_until_ms = breaker->until_ms,
                                .pause_ms = closed ? 0 : breaker->pause_ms };
}

/* When the next one of this second may go out: they are spread over it. */
static int64_t breaker_turn_ms(const struct breaker *breaker) {
    return breaker->second_ms + breaker->sent * BREAKER_SLOW_MS / breaker->rate;
}

void breaker_tick(struct breaker *breaker, int64_t now_ms) {
    breaker->holds_back = false;
    while (breaker->state == STATUS_BREAKER_SLOW && now_ms - breaker->second_ms >= BREAKER_SLOW_MS) {
        breaker->second_ms += BREAKER_SLOW_MS;
        breaker->sent = 0;
        breaker->rate *= 2;
        if (!breaker->limited || breaker->rate > BREAKER_RATE_LIMIT) {
            breaker->state = STATUS_BREAKER_CLOSED;
            breaker->pause_ms = breaker->asked_ms = 0;
        }
        breaker->limited = false;
    }
}

bool breaker_admit(struct breaker *breaker, int held, int64_t now_ms) {
    breaker_tick(breaker, now_ms);
    switch (breaker->state) {
    case STATUS_BREAKER_CLOSED:
        return true;
    case STATUS_BREAKER_OPEN:
        if (held > 0 || now_ms < breaker->until_ms)
            return false;
        breaker->state = STATUS_BREAKER_PROBING;
        return true;
    case STATUS_BREAKER_SLOW:
        breaker->holds_back = breaker->sent >= breaker->rate || now_ms < breaker_turn_ms(breaker);
        breaker->limited = breaker->limited || breaker->holds_back;
        breaker->sent += !breaker->holds_back;
        return !breaker->holds_back;
    case STATUS_BREAKER_PROBING:
        break;
    }
    return false;
}

int64_t breaker_wake(const struct breaker *breaker) {
    if (breaker->state == STATUS_BREAKER_OPEN)
        return breaker->until_ms;
    if (breaker->state != STATUS_BREAKER_SLOW)
        return INT64_MAX;
    int64_t end = breaker->second_ms + BREAKER_SLOW_MS;
    return breaker->holds_back && breaker_turn_ms(breaker) < end ? breaker_turn_ms(breaker) : end;
}

int64_t breaker_stood(const struct breaker *breaker, int64_t now_ms) {
    return breaker->stood_ms + (breaker->open_since_ms ? now_ms - breaker->open_since_ms : 0);
}

/* Opens, or stays open after a probe, for a pause that is jittered unless the plugin asked for it. */
static void breaker_open(struct breaker *breaker, double random, int64_t now_ms) {
    int64_t pause = breaker->asked_ms;
    if (!pause)
        pause = (int64_t)((double)breaker->pause_ms * (0.8 + 0.4 * random));
    if (!breaker->open_since_ms)
        breaker->open_since_ms = now_ms;
    breaker->state = STATUS_BREAKER_OPEN;
    breaker->until_ms = now_ms + pause;
    breaker->run = 0;
}

/* `first`, and then twice the latest one up to `longest`; a time that the plugin asked for stands beside that row. */
static void breaker_lengthen(struct breaker *breaker, int64_t asked_ms) {
    int64_t longest = breaker->setup->longest_ms;
    breaker->asked_ms = asked_ms;
    if (asked_ms)
        return;
    breaker->pause_ms = breaker->pause_ms ? breaker->pause_ms * 2 : breaker->setup->first_ms;
    if (breaker->pause_ms > longest)
        breaker->pause_ms = longest;
}

static void breaker_hear_probe(struct breaker *breaker, enum status_outcome outcome, int64_t asked_ms, double random,
                               int64_t now_ms) {
    if (outcome == STATUS_OK) {
        breaker->stood_ms = breaker_stood(breaker, now_ms);
        breaker_slow_start(breaker, now_ms);
        return;
    }
    /* Of the others, which speak of their event only, nothing is learned: the same pause again. */
    if (outcome == STATUS_BUSY || outcome == STATUS_RETRY || (!breaker->asked_ms && !breaker->pause_ms))
        breaker_lengthen(breaker, asked_ms);
    breaker_open(breaker, random, now_ms);
}

/* Whether this event has failed before in this run: a dead letter that is put back comes with a first attempt again. */
static bool breaker_has_failed(const struct breaker *breaker, int64_t event) {
    for (int i = 0; i < breaker->run && i < BREAKER_RUN_LIMIT; i++)
        if (breaker->run_events[i] == event)
            return true;
    return false;
}

void breaker_hear(struct breaker *breaker, enum status_outcome outcome, int64_t first_of, int64_t asked_ms,
                  double random, int64_t now_ms) {
    breaker_tick(breaker, now_ms);
    if (breaker->state == STATUS_BREAKER_PROBING)
        breaker_hear_probe(breaker, outcome, asked_ms, random, now_ms);
    if (breaker->state != STATUS_BREAKER_CLOSED && breaker->state != STATUS_BREAKER_SLOW)
        return;
    if (outcome == STATUS_OK)
        breaker->run = 0;
    if (outcome == STATUS_RETRY && first_of && !breaker_has_failed(breaker, first_of))
        breaker->run_events[breaker->run++ % BREAKER_RUN_LIMIT] = first_of;
    if (outcome == STATUS_BUSY || breaker->run >= breaker->setup->failures) {
        breaker_lengthen(breaker, asked_ms);
        breaker_open(breaker, random, now_ms);
    }
}

void breaker_lose_probe(struct breaker *breaker, int64_t now_ms) {
    if (breaker->state != STATUS_BREAKER_PROBING)
        return;
    breaker->state = STATUS_BREAKER_OPEN;
    breaker->until_ms = now_ms;
}
