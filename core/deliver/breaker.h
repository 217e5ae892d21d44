/* When nothing works for a plugin, its deliveries wait: a state machine that knows neither clock nor pool nor store.
 *
 *   CLOSED ── BUSY, or `failures` first attempts in a row ended in RETRY ──▶ OPEN
 *   OPEN ── the pause is over, and a delivery can go out ──▶ PROBING        (with one delivery, each time another)
 *   PROBING ── OK ──▶ SLOW       ── anything else ──▶ OPEN
 *   SLOW ── for a whole second the rate held nothing back ──▶ CLOSED       ── as in CLOSED ──▶ OPEN, with a longer pause
 *
 * Times are milliseconds of a clock that never goes back (store_clock_ms), `random` is uniform in [0, 1). Each call may change `state`; who
 * wants to tell of it compares it with what it was. */
#ifndef DELIVER_BREAKER_H
#define DELIVER_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#include "config/setup.h"
#include "deliver/status.h"
#include "store/store.h"

enum {
    BREAKER_SLOW_RATE = 10, /* deliveries in the first second of a slow start; twice as many in each further one */
    BREAKER_SLOW_MS = 1000, /* that second */
    BREAKER_RATE_LIMIT = 1000000, /* above all that a pool can do */
    BREAKER_RUN_LIMIT = 16,       /* failed events that are remembered, to tell whether one comes again */
};

struct breaker {
    const struct setup_breaker *setup;
    enum status_breaker state;
    int64_t until_ms;      /* OPEN: the next probe */
    int64_t pause_ms;      /* the latest pause of our own choice, before jitter; 0: none since it was closed */
    int64_t asked_ms;      /* the pause that the plugin asked for, if it was the latest; else 0 */
    int64_t open_since_ms; /* OPEN, PROBING: when it was closed last */
    int64_t stood_ms;      /* for how long it was open in all, up to then */
    /* CLOSED, SLOW: first attempts in a row that failed, and the numbers of the latest such events, as a ring. */
    int run;
    int64_t run_events[BREAKER_RUN_LIMIT];
    /* SLOW: the present second, what may go out in it, how much has, and whether it held something back: at all, or since breaker_tick. */
    int64_t second_ms, rate, sent;
    bool limited, holds_back;
};

/* Closed; the setup must outlive it. */
void breaker_init(struct breaker *breaker, const struct setup_breaker *setup);
/* As it was noted: what was open stays open, and a slow start begins anew. */
void breaker_restore(struct breaker *breaker, const struct store_note *note, int64_t now_ms);
struct store_note breaker_note(const struct breaker *breaker);

/* There is a delivery, and a worker for it; workers hold `held` others. May it go out now? If so, it does, and is counted (in OPEN: it is
 * the probe). In CLOSED it always may. */
bool breaker_admit(struct breaker *breaker, int held, int64_t now_ms);
/* What became of a delivery. `first_of`: its event's number, if this was its first attempt; else 0. `asked_ms`: of BUSY, what the plugin
 * asked for, in bounds; else 0. What was given out before it opened changes nothing any more. */
void breaker_hear(struct breaker *breaker, enum status_outcome outcome, int64_t first_of, int64_t asked_ms,
                  double random, int64_t now_ms);
/* The probe came back without having been tried: another one may go out. */
void breaker_lose_probe(struct breaker *breaker, int64_t now_ms);
/* Seconds of a slow start that are over. What was held back must be asked for again. */
void breaker_tick(struct breaker *breaker, int64_t now_ms);
/* When breaker_tick or, for what was held back, breaker_admit is needed next; INT64_MAX: not for the sake of time. */
int64_t breaker_wake(const struct breaker *breaker);
/* For how long it was open in all, by now. */
int64_t breaker_stood(const struct breaker *breaker, int64_t now_ms);

#endif
