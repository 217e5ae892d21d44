/* The breaker, as tables of what happens when, and what it must be afterwards. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "deliver/breaker.h"

/* `random` 0.5 is the middle of the jitter: the pause itself. */
static const struct setup_breaker usual = { .failures = 3, .first_ms = 30000, .longest_ms = 100000 };

enum act {
    HEAR,   /* an outcome of event `event`; a first attempt if that is not 0 */
    ADMIT,  /* asks for one delivery, while `event` others are held: it may go */
    REFUSE, /* … it may not */
    LOSE,   /* the probe comes back untried */
    TICK,
};
struct step {
    int64_t at;
    enum act act;
    enum status_outcome outcome;
    int64_t event, asked;
    enum status_breaker state; /* afterwards */
    int64_t wake;              /* afterwards; 0: not looked at */
};

static void step_run(struct breaker *breaker, const struct step *step, int number) {
    bool admitted = false;
    switch (step->act) {
    case HEAR:
        breaker_hear(breaker, step->outcome, step->event, step->asked, 0.5, step->at);
        break;
    case ADMIT:
    case REFUSE:
        admitted = breaker_admit(breaker, (int)step->event, step->at);
        break;
    case LOSE:
        breaker_lose_probe(breaker, step->at);
        break;
    case TICK:
        breaker_tick(breaker, step->at);
    }
    if (breaker->state != step->state || admitted != (step->act == ADMIT) ||
        (step->wake && breaker_wake(breaker) != step->wake))
        fail_msg("step %d: %s, admitted %d, wake %lld", number, status_breaker_text(breaker->state), admitted,
                 (long long)breaker_wake(breaker));
}

static void steps_run(struct breaker *breaker, const struct step *steps, size_t count) {
    for (size_t i = 0; i < count; i++)
        step_run(breaker, &steps[i], (int)i + 1);
}

#define RUN(breaker, ...)                                                                                              \
    steps_run(breaker, (const struct step[]){ __VA_ARGS__ },                                                           \
              sizeof((const struct step[]){ __VA_ARGS__ }) / sizeof(struct step))
#define CLOSED  STATUS_BREAKER_CLOSED
#define OPEN    STATUS_BREAKER_OPEN
#define PROBING STATUS_BREAKER_PROBING
#define SLOW    STATUS_BREAKER_SLOW

static void first_attempts_of_different_events_open_it(void **state) {
    (void)state;
    struct breaker breaker;
    breaker_init(&breaker, &usual);
    RUN(&breaker, { 1000, ADMIT, 0, 5, 0, CLOSED, INT64_MAX }, { 1000, HEAR, STATUS_RETRY, 1, 0, CLOSED, INT64_MAX },
        { 1001, HEAR, STATUS_RETRY, 2, 0, CLOSED, INT64_MAX }, { 1002, HEAR, STATUS_RETRY, 3, 0, OPEN, 31002 });
}

static void what_does_not_count(void **state) {
    (void)state;
    struct breaker breaker;
    breaker_init(&breaker, &usual);
    RUN(&breaker, { 1000, HEAR, STATUS_RETRY, 1, 0, CLOSED, 0 }, { 1000, HEAR, STATUS_RETRY, 2, 0, CLOSED, 0 },
        { 1000, HEAR, STATUS_RETRY, 0, 0, CLOSED, 0 },    /* a later attempt */
        { 1000, HEAR, STATUS_RETRY, 1, 0, CLOSED, 0 },    /* an event that is in the row already */
        { 1000, HEAR, STATUS_CRASH, 4, 0, CLOSED, 0 },    /* that one event's fault */
        { 1000, HEAR, STATUS_DEADLINE, 5, 0, CLOSED, 0 }, /* the same */
        { 1000, HEAR, STATUS_FAIL, 6, 0, CLOSED, 0 },     /* the same */
        { 1000, HEAR, STATUS_RETRY, 7, 0, OPEN, 31000 });
    breaker_init(&breaker, &usual);
    RUN(&breaker, { 1000, HEAR, STATUS_RETRY, 1, 0, CLOSED, 0 }, { 1000, HEAR, STATUS_RETRY, 2, 0, CLOSED, 0 },
        { 1000, HEAR, STATUS_OK, 0, 0, CLOSED, 0 }, /* any success begins a new row */
        { 1000, HEAR, STATUS_RETRY, 3, 0, CLOSED, 0 }, { 1000, HEAR, STATUS_RETRY, 1, 0, CLOSED, 0 },
        { 1000, HEAR, STATUS_RETRY, 2, 0, OPEN, 0 });
}

static void a_long_row_is_counted_though_not_all_of_it_is_remembered(void **state) {
    (void)state;
    static const struct setup_breaker patient = { .failures = 1000, .first_ms = 30000, .longest_ms = 100000 };
    struct breaker breaker;
    breaker_init(&breaker, &patient);
    for (int64_t event = 1; event < 1000; event++) {
        breaker_hear(&breaker, STATUS_RETRY, event, 0, 0.5, 1000);
        breaker_hear(&breaker, STATUS_RETRY, event, 0, 0.5, 1000);
    }
    assert_int_equal(breaker.state, CLOSED);
    breaker_hear(&breaker, STATUS_RETRY, 1000, 0, 0.5, 1000);
    assert_int_equal(breaker.state, OPEN);
}

static void busy_opens_at_once_and_pauses_double(void **state) {
    (void)state;
    struct breaker breaker;
    breaker_init(&breaker, &usual);
    RUN(&breaker, { 1000, HEAR, STATUS_BUSY, 1, 0, OPEN, 31000 }, { 30999, REFUSE, 0, 0, 0, OPEN, 31000 },
        { 31000, REFUSE, 0, 1, 0, OPEN, 0 }, /* a worker still holds something: the probe waits for it */
        { 31000, ADMIT, 0, 0, 0, PROBING, INT64_MAX },
        { 31000, REFUSE, 0, 0, 0, PROBING, 0 }, /* one at a time, even if it were not held any more */
        { 32000, HEAR, STATUS_BUSY, 0, 0, OPEN, 92000 }, { 92000, ADMIT, 0, 0, 0, PROBING, 0 },
        { 93000, HEAR, STATUS_RETRY, 0, 0, OPEN, 193000 }, /* twice 60 s is more than the longest */
        { 193000, ADMIT, 0, 0, 0, PROBING, 0 }, { 194000, HEAR, STATUS_RETRY, 0, 0, OPEN, 294000 });
    assert_int_equal(breaker_stood(&breaker, 294000), 293000);
}

static void jitter_is_a_fifth_to_both_sides(void **state) {
    (void)state;
    static const struct {
        double random;
        int64_t least, most;
    } rows[] = { { 0, 24000, 24000 }, { 0.5, 30000, 30000 }, { 0.9999999, 35999, 36000 } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct breaker breaker;
        breaker_init(&breaker, &usual);
        breaker_hear(&breaker, STATUS_BUSY, 1, 0, rows[i].random, 0);
        assert_in_range(breaker.until_ms, rows[i].least, rows[i].most);
    }
    struct breaker breaker;
    breaker_init(&breaker, &usual);
    breaker_hear(&breaker, STATUS_BUSY, 1, 7000, 0, 0); /* what the plugin asked for is its own business */
    assert_int_equal(breaker.until_ms, 7000);
}

static void a_time_of_the_plugin_stands_beside_the_row(void **state) {
    (void)state;
    struct breaker breaker;
    breaker_init(&breaker, &usual);
    RUN(&breaker, { 1000, HEAR, STATUS_BUSY, 1, 7000, OPEN, 8000 }, { 8000, ADMIT, 0, 0, 0, PROBING, 0 },
        { 8000, HEAR, STATUS_BUSY, 1, 7000, OPEN, 15000 }, { 15000, ADMIT, 0, 0, 0, PROBING, 0 },
        { 15000, HEAR, STATUS_CRASH, 1, 0, OPEN, 22000 }, /* the same pause again */
        { 22000, ADMIT, 0, 0, 0, PROBING, 0 }, { 22000, HEAR, STATUS_BUSY, 1, 0, OPEN, 52000 });
}

static void what_was_out_when_it_opened_changes_nothing(void **state) {
    (void)state;
    struct breaker breaker;
    breaker_init(&breaker, &usual);
    RUN(&breaker, { 1000, HEAR, STATUS_BUSY, 1, 0, OPEN, 31000 }, { 2000, HEAR, STATUS_BUSY, 2, 0, OPEN, 31000 },
        { 2000, HEAR, STATUS_BUSY, 2, 3600000, OPEN, 31000 }, { 2000, HEAR, STATUS_RETRY, 3, 0, OPEN, 31000 },
        { 2000, HEAR, STATUS_RETRY, 4, 0, OPEN, 31000 }, { 2000, HEAR, STATUS_RETRY, 5, 0, OPEN, 31000 },
        { 2000, HEAR, STATUS_OK, 6, 0, OPEN, 31000 }, { 31000, ADMIT, 0, 0, 0, PROBING, 0 },
        { 32000, HEAR, STATUS_BUSY, 7, 0, OPEN, 92000 } /* the second pause, not the sixth */);
}

static void a_probe_that_says_nothing_of_the_rest_costs_the_same_pause(void **state) {
    (void)state;
    static const enum status_outcome neutral[] = { STATUS_CRASH, STATUS_DEADLINE, STATUS_FAIL };
    for (size_t i = 0; i < sizeof neutral / sizeof *neutral; i++) {
        struct breaker breaker;
        breaker_init(&breaker, &usual);
        RUN(&breaker, { 1000, HEAR, STATUS_BUSY, 1, 0, OPEN, 31000 }, { 31000, ADMIT, 0, 0, 0, PROBING, 0 },
            { 31000, HEAR, neutral[i], 2, 0, OPEN, 61000 }, { 61000, ADMIT, 0, 0, 0, PROBING, 0 },
            { 61000, LOSE, 0, 0, 0, OPEN, 61000 }, { 61000, ADMIT, 0, 0, 0, PROBING, 0 },
            { 61000, HEAR, STATUS_BUSY, 3, 0, OPEN, 121000 });
    }
}

/* How many go out between two times when there is always one more, asked for every millisecond. */
static int admitted_between(struct breaker *breaker, int64_t from, int64_t to) {
    int admitted = 0;
    for (int64_t now = from; now < to; now++)
        while (breaker->state == SLOW && breaker_admit(breaker, 0, now))
            admitted++;
    return admitted;
}

static void slow_start_begin(struct breaker *breaker) {
    breaker_init(breaker, &usual);
    RUN(breaker, { 1000, HEAR, STATUS_BUSY, 1, 0, OPEN, 31000 }, { 31000, ADMIT, 0, 0, 0, PROBING, 0 },
        { 40000, HEAR, STATUS_OK, 1, 0, SLOW, 41000 });
}

static void slow_start_doubles_each_second(void **state) {
    (void)state;
    struct breaker breaker;
    slow_start_begin(&breaker);
    assert_int_equal(breaker_stood(&breaker, 50000), 39000); /* and that is all: it stands no more */
    assert_int_equal(breaker_note(&breaker).open_since_ms, 0);
    for (int second = 0; second < 10; second++) {
        int64_t begin = 40000 + second * 1000;
        int first_half = admitted_between(&breaker, begin, begin + 500);
        assert_in_range(first_half, 5 << second, (5 << second) + 1); /* spread over the second, not all at its start */
        assert_int_equal(first_half + admitted_between(&breaker, begin + 500, begin + 1000), 10 << second);
    }
    assert_int_equal(breaker.state, SLOW);
}

static void slow_start_says_when_the_next_may_go(void **state) {
    (void)state;
    struct breaker breaker;
    slow_start_begin(&breaker);
    RUN(&breaker, { 40000, ADMIT, 0, 0, 0, SLOW, 41000 }, { 40000, REFUSE, 0, 1, 0, SLOW, 40100 },
        { 40099, REFUSE, 0, 1, 0, SLOW, 40100 }, { 40100, ADMIT, 0, 1, 0, SLOW, 41000 },
        /* late: what was missed meanwhile is made up for within the second */
        { 40950, ADMIT, 0, 0, 0, SLOW, 0 }, { 40950, ADMIT, 0, 0, 0, SLOW, 0 });
}

static void closed_after_a_second_that_held_nothing_back(void **state) {
    (void)state;
    struct breaker breaker;
    slow_start_begin(&breaker);
    RUN(&breaker, { 40000, ADMIT, 0, 0, 0, SLOW, 0 }, { 40010, REFUSE, 0, 0, 0, SLOW, 0 },
        { 40100, ADMIT, 0, 0, 0, SLOW, 0 }, { 41000, TICK, 0, 0, 0, SLOW, 42000 }, { 41999, TICK, 0, 0, 0, SLOW, 0 },
        { 42000, TICK, 0, 0, 0, CLOSED, INT64_MAX }, { 42000, ADMIT, 0, 0, 0, CLOSED, 0 },
        /* all is forgotten: the first pause again */
        { 43000, HEAR, STATUS_BUSY, 1, 0, OPEN, 73000 });
    slow_start_begin(&breaker);
    admitted_between(&breaker, 40000, 41000);
    RUN(&breaker, { 999000, TICK, 0, 0, 0, CLOSED, INT64_MAX }); /* nobody looked for a long time */
    slow_start_begin(&breaker);
    for (int64_t now = 40000; now < 70000 && breaker.state == SLOW; now += 1000)
        while (breaker.state == SLOW && breaker_admit(&breaker, 0, now + 999))
            continue;
    assert_int_equal(breaker.state, CLOSED); /* no pool is faster than the rate at the end */
}

static void reopened_in_slow_start_with_the_longer_pause(void **state) {
    (void)state;
    struct breaker breaker;
    slow_start_begin(&breaker);
    RUN(&breaker, { 40500, HEAR, STATUS_RETRY, 7, 0, SLOW, 0 }, { 40500, HEAR, STATUS_RETRY, 8, 0, SLOW, 0 },
        { 40500, HEAR, STATUS_OK, 9, 0, SLOW, 0 }, { 40600, HEAR, STATUS_BUSY, 10, 0, OPEN, 100600 });
    assert_int_equal(breaker_stood(&breaker, 40700), 39100);
    slow_start_begin(&breaker);
    RUN(&breaker, { 40500, HEAR, STATUS_RETRY, 7, 0, SLOW, 0 }, { 40500, HEAR, STATUS_RETRY, 8, 0, SLOW, 0 },
        { 40500, HEAR, STATUS_RETRY, 9, 0, OPEN, 100500 });
}

static struct breaker restarted(const struct breaker *breaker, int64_t now) {
    struct breaker again;
    struct store_note note = breaker_note(breaker);
    breaker_init(&again, &usual);
    breaker_restore(&again, &note, now);
    return again;
}

static void restored_as_it_was(void **state) {
    (void)state;
    struct breaker breaker, again;
    breaker_init(&breaker, &usual);
    again = restarted(&breaker, 500);
    assert_int_equal(again.state, CLOSED);
    RUN(&breaker, { 1000, HEAR, STATUS_BUSY, 1, 0, OPEN, 31000 });
    again = restarted(&breaker, 20000);
    assert_int_equal(breaker_stood(&again, 20000), 19000); /* the time when no daemon ran counts as well */
    RUN(&again, { 20000, REFUSE, 0, 0, 0, OPEN, 31000 }, { 31000, ADMIT, 0, 0, 0, PROBING, 0 });
    again = restarted(&again, 31500); /* the probe died with the daemon: another one at once */
    RUN(&again, { 31500, ADMIT, 0, 0, 0, PROBING, 0 }, { 32000, HEAR, STATUS_BUSY, 1, 0, OPEN, 92000 },
        { 92000, ADMIT, 0, 0, 0, PROBING, 0 }, { 92000, HEAR, STATUS_OK, 1, 0, SLOW, 93000 });
    again = restarted(&again, 92500);
    RUN(&again, { 92500, ADMIT, 0, 0, 0, SLOW, 93500 }, { 92501, HEAR, STATUS_BUSY, 1, 0, OPEN, 192501 });
    assert_int_equal(breaker_stood(&again, 92501), 91000);
}

static void a_note_from_a_strange_clock_holds_nobody_up(void **state) {
    (void)state;
    struct breaker breaker;
    struct store_note note = { .open_since_ms = 5000000000000, .open_until_ms = 5000000030000, .pause_ms = 30000 };
    breaker_init(&breaker, &usual);
    breaker_restore(&breaker, &note, 1000000);
    assert_int_equal(breaker_stood(&breaker, 1000000), 0);
    assert_true(breaker_admit(&breaker, 0, 1000000));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_attempts_of_different_events_open_it),
        cmocka_unit_test(what_does_not_count),
        cmocka_unit_test(a_long_row_is_counted_though_not_all_of_it_is_remembered),
        cmocka_unit_test(busy_opens_at_once_and_pauses_double),
        cmocka_unit_test(jitter_is_a_fifth_to_both_sides),
        cmocka_unit_test(a_time_of_the_plugin_stands_beside_the_row),
        cmocka_unit_test(what_was_out_when_it_opened_changes_nothing),
        cmocka_unit_test(a_probe_that_says_nothing_of_the_rest_costs_the_same_pause),
        cmocka_unit_test(slow_start_doubles_each_second),
        cmocka_unit_test(slow_start_says_when_the_next_may_go),
        cmocka_unit_test(closed_after_a_second_that_held_nothing_back),
        cmocka_unit_test(reopened_in_slow_start_with_the_longer_pause),
        cmocka_unit_test(restored_as_it_was),
        cmocka_unit_test(a_note_from_a_strange_clock_holds_nobody_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
