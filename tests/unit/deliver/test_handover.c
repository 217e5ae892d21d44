/* The hand-over from the writer thread: everything arrives once and in order, and it is bounded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>

#include "deliver/handover.h"

enum { EVENTS = 20000, GROUP = 7 };

static struct event *make(int64_t number) {
    struct event *event =
        event_make(0, bytes_of("s"), bytes_of("i"), bytes_of("t"), bytes_of(""), bytes_of("0123456789"));
    assert_non_null(event);
    event->number = number;
    return event;
}

static void *write_all(void *argument) {
    struct handover *handover = argument;
    for (int64_t number = 1; number <= EVENTS;) {
        handover_lock(handover);
        for (int i = 0; i < GROUP && number <= EVENTS; i++, number++) {
            struct event *event = make(number);
            handover_add(handover, event, 1, EVENTS, SIZE_MAX);
            event_release(event);
        }
        handover_add_settled(handover, 1);
        handover_unlock(handover);
    }
    return NULL;
}

static void empty(struct handover_content *content) {
    for (int i = 0; i < content->count; i++)
        event_release(content->entries[i].event);
}

static void all_arrive_once_in_order(void **state) {
    (void)state;
    struct handover handover = { 0 };
    struct handover_content content = { 0 };
    struct fault fault;
    pthread_t writer;
    assert_true(handover_open(&handover, &fault));
    assert_int_equal(pthread_create(&writer, NULL, write_all, &handover), 0);
    int64_t last = 0, settled = 0;
    while (last < EVENTS || settled < (EVENTS + GROUP - 1) / GROUP) {
        struct pollfd wait = { .fd = handover.descriptor, .events = POLLIN };
        assert_int_equal(poll(&wait, 1, 10000), 1);
        handover_take(&handover, &content);
        for (int i = 0; i < content.count; i++)
            assert_int_equal(content.entries[i].event->number, ++last);
        settled += content.settled;
        empty(&content);
    }
    pthread_join(writer, NULL);
    free(content.entries);
    handover_close(&handover);
}

/* What does not fit is only noted; after that nothing newer may come for those pools before they have read the store. */
static void a_full_handover_notes_who_missed_something(void **state) {
    (void)state;
    struct handover handover = { 0 };
    struct handover_content content = { 0 };
    struct fault fault;
    struct event *event = make(1);
    assert_true(handover_open(&handover, &fault));
    handover_lock(&handover);
    handover_add(&handover, event, 1, 2, SIZE_MAX);
    handover_add(&handover, event, 2, 2, SIZE_MAX);
    handover_add(&handover, event, 1 | 4, 2, SIZE_MAX); /* over the count */
    handover_add(&handover, event, 1 | 2, 9, SIZE_MAX); /* only for 2: 1 has missed one */
    handover_add(&handover, event, 8, 9, 30);           /* over the bytes */
    handover_add(&handover, event, 0, 9, SIZE_MAX);
    handover_unlock(&handover);
    handover_take(&handover, &content);
    assert_int_equal(content.count, 3);
    assert_int_equal(content.entries[2].pools, 2);
    assert_int_equal(content.missed, 1 | 4 | 8);
    empty(&content);
    handover_take(&handover, &content);
    assert_int_equal(content.count, 0);
    assert_int_equal(content.missed, 0);
    event_release(event);
    free(content.entries);
    handover_close(&handover);
}

static void pools_to_look_again_are_named_once(void **state) {
    (void)state;
    struct handover handover = { 0 };
    struct handover_content content = { 0 };
    struct fault fault;
    assert_true(handover_open(&handover, &fault));
    handover_lock(&handover);
    handover_add_reopened(&handover, 1);
    handover_add_reopened(&handover, 4);
    handover_unlock(&handover);
    struct pollfd wait = { .fd = handover.descriptor, .events = POLLIN };
    assert_int_equal(poll(&wait, 1, 10000), 1);
    handover_take(&handover, &content);
    assert_int_equal(content.reopened, 1 | 4);
    handover_take(&handover, &content);
    assert_int_equal(content.reopened, 0);
    free(content.entries);
    handover_close(&handover);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_arrive_once_in_order),
        cmocka_unit_test(a_full_handover_notes_who_missed_something),
        cmocka_unit_test(pools_to_look_again_are_named_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
