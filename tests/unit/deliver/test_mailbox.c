/* Questions to the main thread: each is answered once, by the thread that answers, and nobody waits for ever. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "deliver/mailbox.h"

enum { ASKERS = 8, QUESTIONS = 500, LONG_MS = 60000 };

static void fill(void *context, struct dispatch_status *status) {
    int *answers = context; /* of one thread: ThreadSanitizer looks after that */
    status->plugin_count = ++*answers;
}

static void *ask_often(void *argument) {
    struct mailbox *mailbox = argument;
    struct dispatch_status *status = calloc(1, sizeof *status);
    uintptr_t answered = 0;
    for (int i = 0; i < QUESTIONS; i++) {
        status->plugin_count = 0;
        answered += mailbox_ask(mailbox, status, LONG_MS) && status->plugin_count > 0;
    }
    free(status);
    return (void *)answered;
}

static void each_question_is_answered(void **state) {
    (void)state;
    struct mailbox mailbox = { 0 };
    struct fault fault;
    pthread_t askers[ASKERS];
    int answers = 0;
    assert_true(mailbox_open(&mailbox, &fault));
    for (int i = 0; i < ASKERS; i++)
        assert_int_equal(pthread_create(&askers[i], NULL, ask_often, &mailbox), 0);
    while (answers < ASKERS * QUESTIONS) {
        struct pollfd wait = { .fd = mailbox.descriptor, .events = POLLIN };
        assert_int_equal(poll(&wait, 1, LONG_MS), 1);
        mailbox_answer(&mailbox, fill, &answers);
    }
    for (int i = 0; i < ASKERS; i++) {
        void *answered = NULL;
        pthread_join(askers[i], &answered);
        assert_int_equal((uintptr_t)answered, QUESTIONS);
    }
    assert_int_equal(answers, ASKERS * QUESTIONS);
    mailbox_close(&mailbox);
}

static void who_gave_up_is_not_answered_any_more(void **state) {
    (void)state;
    struct mailbox mailbox = { 0 };
    struct fault fault;
    struct dispatch_status *status = calloc(1, sizeof *status);
    int answers = 0;
    assert_true(mailbox_open(&mailbox, &fault));
    int64_t begun = clock_monotonic_ms();
    assert_false(mailbox_ask(&mailbox, status, 50));
    assert_true(clock_monotonic_ms() - begun >= 50);
    assert_false(mailbox_ask(&mailbox, status, 0));
    free(status); /* whoever writes into it now is seen by the sanitizer */
    mailbox_answer(&mailbox, fill, &answers);
    assert_int_equal(answers, 0);
    mailbox_close(&mailbox);
}

static void silence_ends_all_waiting(void **state) {
    (void)state;
    struct mailbox mailbox = { 0 };
    struct fault fault;
    pthread_t askers[ASKERS];
    assert_true(mailbox_open(&mailbox, &fault));
    int64_t begun = clock_monotonic_ms();
    for (int i = 0; i < ASKERS; i++)
        assert_int_equal(pthread_create(&askers[i], NULL, ask_often, &mailbox), 0);
    struct pollfd wait = { .fd = mailbox.descriptor, .events = POLLIN };
    assert_int_equal(poll(&wait, 1, LONG_MS), 1); /* one waits at least; the others will, or come too late */
    mailbox_silence(&mailbox);
    for (int i = 0; i < ASKERS; i++) {
        void *answered = NULL;
        pthread_join(askers[i], &answered);
        assert_int_equal((uintptr_t)answered, 0);
    }
    assert_true(clock_monotonic_ms() - begun < LONG_MS);
    mailbox_close(&mailbox);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_question_is_answered),
        cmocka_unit_test(who_gave_up_is_not_answered_any_more),
        cmocka_unit_test(silence_ends_all_waiting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
