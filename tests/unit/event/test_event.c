/* Events: one piece of memory, shared; digests and keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <limits.h>
#include <pthread.h>
#include <string.h>

#include "event/event.h"

static struct event *example(void) {
    char source[] = "cryptopay", id[] = "evt_1", type[] = "payment.captured", body[] = "{\"a\":\0 1}";
    char headers[] = "content-type: application/json\nx-empty: \nuser-agent: a: b\nx-last:no blank";
    struct event *event = event_make(1769860800000, bytes_of(source), bytes_of(id), bytes_of(type), bytes_of(headers),
                                     (struct bytes){ body, sizeof body - 1 });
    memset(source, 'x', sizeof source); /* the event has copies */
    memset(body, 'x', sizeof body);
    return event;
}

static void parts_are_copied_and_terminated(void **state) {
    struct event *event = example();
    assert_int_equal(event->received_ms, 1769860800000);
    assert_int_equal(event->number, 0);
    assert_string_equal(event->source.data, "cryptopay");
    assert_string_equal(event->id.data, "evt_1");
    assert_string_equal(event->type.data, "payment.captured");
    assert_int_equal(event->body.length, 9);
    assert_memory_equal(event->body.data, "{\"a\":\0 1}", 10);
    assert_int_equal(strlen(event->headers.data), event->headers.length);
    event_release(event);
    struct bytes none = { NULL, 0 };
    event = event_make(0, none, none, none, none, none);
    assert_string_equal(event->body.data, "");
    assert_null(event_header(event, "x").data);
    event_release(event);
    event_release(NULL);
}

static void headers_are_found(void **state) {
    struct event *event = example();
    assert_true(bytes_equal_text(event_header(event, "content-type"), "application/json"));
    assert_true(bytes_equal_text(event_header(event, "Content-Type"), "application/json"));
    assert_true(bytes_equal_text(event_header(event, "user-agent"), "a: b"));
    assert_true(bytes_equal_text(event_header(event, "x-last"), "no blank"));
    assert_non_null(event_header(event, "x-empty").data);
    assert_int_equal(event_header(event, "x-empty").length, 0);
    assert_null(event_header(event, "content").data);
    assert_null(event_header(event, "content-type:").data);
    assert_null(event_header(event, "").data);
    event_release(event);
}

static void *hold_and_release(void *argument) {
    for (int i = 0; i < 10000; i++)
        event_release(event_hold(argument));
    event_release(argument);
    return NULL;
}

static void references_are_counted_across_threads(void **state) {
    struct event *event = example();
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) {
        event_hold(event);
        assert_int_equal(pthread_create(&threads[i], NULL, hold_and_release, event), 0);
    }
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&event->references), 1);
    event_release(event);
}

static void digest_and_key_tell_events_apart(void **state) {
    unsigned char digest[EVENT_DIGEST_SIZE], other[EVENT_DIGEST_SIZE];
    char text[2 * EVENT_DIGEST_SIZE + 1], key[EVENT_KEY_SIZE];
    event_digest(bytes_of("cryptopay"), bytes_of("evt_1"), digest);
    hex_encode(digest, sizeof digest, text);
    assert_string_equal(text, "d1add52ef7071375356ee7dd73887c1a"); /* sha256sum of "cryptopay\0evt_1" */
    event_digest(bytes_of("cryptopaye"), bytes_of("vt_1"), other);
    assert_memory_not_equal(digest, other, sizeof digest);
    event_key(bytes_of("cryptopay"), bytes_of("evt_1"), "email", 0, key);
    assert_string_equal(key, "066d612d44243733c5b4b53e77a942e5");
    event_key(bytes_of("cryptopay"), bytes_of("evt_1"), "email", 1, key);
    assert_string_equal(key, "066d612d44243733c5b4b53e77a942e5~1");
    event_key(bytes_of("cryptopay"), bytes_of("evt_1"), "email", INT_MAX, key);
    assert_string_equal(key, "066d612d44243733c5b4b53e77a942e5~2147483647");
    event_key(bytes_of("cryptopay"), bytes_of("evt_1"), "logging", 0, key);
    assert_string_not_equal(key, "066d612d44243733c5b4b53e77a942e5");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_are_copied_and_terminated),
        cmocka_unit_test(headers_are_found),
        cmocka_unit_test(references_are_counted_across_threads),
        cmocka_unit_test(digest_and_key_tell_events_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
