/* Framing: what is written is what is read, and nothing else is. */
#include "rig.h"

static void put_sample(struct buffer *buffer) {
    size_t begun = wire_begin(buffer, WIRE_OUTCOME);
    wire_put_number(buffer, INT64_MIN);
    wire_put_text(buffer, (struct bytes){ "a\0b", 3 });
    wire_put_text(buffer, (struct bytes){ 0 });
    wire_put_number(buffer, -1);
    wire_end(buffer, begun);
}

static void test_round_trip(void **state) {
    struct buffer buffer = { 0 };
    put_sample(&buffer);
    size_t first = buffer.length, used;
    put_sample(&buffer);
    struct wire_frame frame;
    assert_int_equal(wire_parse((struct bytes){ buffer.data, buffer.length }, &frame, &used), WIRE_FRAME);
    assert_int_equal(used, first);
    assert_int_equal(frame.type, WIRE_OUTCOME);
    assert_true(wire_get_number(&frame) == INT64_MIN);
    struct bytes text = wire_get_text(&frame);
    assert_int_equal(text.length, 3);
    assert_memory_equal(text.data, "a\0b", 4);
    text = wire_get_text(&frame);
    assert_int_equal(text.length, 0);
    assert_string_equal(text.data, "");
    assert_false(wire_finished(&frame));
    assert_int_equal(wire_get_number(&frame), -1);
    assert_true(wire_finished(&frame));
    buffer_free(&buffer);
}

/* Each shorter piece, in memory of just that size so that a read behind it is seen. */
static void test_truncated(void **state) {
    struct buffer buffer = { 0 };
    put_sample(&buffer);
    for (size_t length = 0; length < buffer.length; length++) {
        char *piece = malloc(length + !length);
        assert_non_null(piece);
        memcpy(piece, buffer.data, length);
        struct wire_frame frame;
        size_t used = 0;
        assert_int_equal(wire_parse((struct bytes){ piece, length }, &frame, &used), WIRE_MORE);
        assert_int_equal(used, length < WIRE_HEADER_SIZE ? WIRE_HEADER_SIZE : buffer.length);
        free(piece);
    }
    buffer_free(&buffer);
}

/* The frame is whole but says that it is shorter: some field is missing then. */
static void test_fields_missing(void **state) {
    struct buffer buffer = { 0 };
    put_sample(&buffer);
    for (uint32_t length = 0; length < buffer.length - WIRE_HEADER_SIZE; length++) {
        char *piece = malloc(WIRE_HEADER_SIZE + length);
        assert_non_null(piece);
        memcpy(piece, buffer.data, WIRE_HEADER_SIZE + length);
        memcpy(piece + 8, &length, sizeof length);
        struct wire_frame frame;
        size_t used;
        assert_int_equal(wire_parse((struct bytes){ piece, WIRE_HEADER_SIZE + length }, &frame, &used), WIRE_FRAME);
        wire_get_number(&frame);
        assert_non_null(wire_get_text(&frame).data);
        wire_get_text(&frame);
        assert_int_equal(wire_get_number(&frame), 0);
        assert_true(frame.bad);
        assert_false(wire_finished(&frame));
        free(piece);
    }
    buffer_free(&buffer);
}

static void test_text_without_terminator(void **state) {
    struct buffer buffer = { 0 };
    size_t begun = wire_begin(&buffer, WIRE_BROKEN);
    wire_put_text(&buffer, bytes_of("why"));
    wire_end(&buffer, begun);
    buffer.data[buffer.length - 1] = '!';
    struct wire_frame frame;
    size_t used;
    assert_int_equal(wire_parse((struct bytes){ buffer.data, buffer.length }, &frame, &used), WIRE_FRAME);
    assert_int_equal(wire_get_text(&frame).length, 0);
    assert_true(frame.bad);
    buffer_free(&buffer);
}

static void test_garbage(void **state) {
    struct wire_frame frame;
    size_t used;
    assert_int_equal(wire_parse(bytes_of("x"), &frame, &used), WIRE_GARBAGE);
    assert_int_equal(wire_parse(bytes_of("GPx"), &frame, &used), WIRE_GARBAGE);
    assert_int_equal(wire_parse(bytes_of("GPNL this is no frame"), &frame, &used), WIRE_GARBAGE);
    uint32_t too_long[3] = { WIRE_MAGIC, WIRE_LOG, WIRE_FRAME_LIMIT };
    assert_int_equal(wire_parse((struct bytes){ (char *)too_long, sizeof too_long }, &frame, &used), WIRE_GARBAGE);
    uint32_t unknown[3] = { WIRE_MAGIC, WIRE_STOP + 1, 0 };
    assert_int_equal(wire_parse((struct bytes){ (char *)unknown, sizeof unknown }, &frame, &used), WIRE_GARBAGE);
    uint32_t empty[3] = { WIRE_MAGIC, WIRE_STOP, 0 };
    assert_int_equal(wire_parse((struct bytes){ (char *)empty, sizeof empty }, &frame, &used), WIRE_FRAME);
    assert_true(wire_finished(&frame));
}

static void test_too_large_to_write(void **state) {
    struct buffer buffer = { 0 };
    char *large = calloc(1, WIRE_FRAME_LIMIT);
    assert_non_null(large);
    size_t begun = wire_begin(&buffer, WIRE_EVENT);
    wire_put_text(&buffer, (struct bytes){ large, WIRE_FRAME_LIMIT - WIRE_HEADER_SIZE - 4 });
    wire_end(&buffer, begun);
    assert_true(buffer.failed);
    buffer_clear(&buffer);
    begun = wire_begin(&buffer, WIRE_EVENT);
    wire_put_text(&buffer, (struct bytes){ large, WIRE_FRAME_LIMIT - WIRE_HEADER_SIZE - 5 });
    wire_end(&buffer, begun);
    assert_false(buffer.failed);
    struct wire_frame frame;
    size_t used;
    assert_int_equal(wire_parse((struct bytes){ buffer.data, buffer.length }, &frame, &used), WIRE_FRAME);
    free(large);
    buffer_free(&buffer);
}

static void test_page_settled(void **state) {
    struct wire_page page = { 0 };
    assert_int_equal(wire_page_settled(&page), 0);
    wire_page_settle(&page, 7);
    assert_int_equal(wire_page_settled(&page), 7);
    atomic_store(&page.settled, 8); /* scribbled over */
    assert_int_equal(wire_page_settled(&page), 0);
    memset(&page, 0xff, sizeof page);
    assert_int_equal(wire_page_settled(&page), 0);
    memset(&page, 0x5a, sizeof page);
    assert_int_equal(wire_page_settled(&page), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),     cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_fields_missing), cmocka_unit_test(test_text_without_terminator),
        cmocka_unit_test(test_garbage),        cmocka_unit_test(test_too_large_to_write),
        cmocka_unit_test(test_page_settled),
    };
    return cmocka_run_group_tests_name("host wire", tests, NULL, NULL);
}
