/* What a plugin is told: the api over a real event, settings and memory. */
#include "rig.h"

#include "base/clock.h"
#include "host/services.h"

struct services_rig {
    int daemon; /* the other end of the connection */
    struct connection connection;
    struct setting_tree settings;
    struct host_call host;
    struct buffer frame;
    struct host_event event;
};

static const char body[] = " {\"data\": {\"amount\": 10.10, \"text\": \"a\\u00e9\\n\", \"nul\": \"a\\u0000b\", "
                           "\"a/b\": [1, {\"x\": null}, \"z\"],\r\n"
                           "\"amount\": 10.20, \"\": true}}\n";

static int setup(void **state) {
    struct services_rig *rig = calloc(1, sizeof *rig);
    int sockets[2];
    if (!rig || socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) != 0 || !connection_open(&rig->connection, sockets[1]))
        return -1;
    rig->daemon = sockets[0];
    static const char *const values[] = { "list/0",
                                          "zero",
                                          "list/1",
                                          "one",
                                          "list/2",
                                          "two",
                                          "list/3",
                                          "3",
                                          "list/4",
                                          "4",
                                          "list/5",
                                          "5",
                                          "list/6",
                                          "6",
                                          "list/7",
                                          "7",
                                          "list/8",
                                          "8",
                                          "list/9",
                                          "9",
                                          "list/10",
                                          "ten",
                                          "templates/b~1c/subject",
                                          "B",
                                          "templates/a/subject",
                                          "A",
                                          "templates/a/file",
                                          "f",
                                          "plain",
                                          "17",
                                          NULL };
    struct rig writer = { 0 };
    rig_put_init(&writer, WIRE_INIT_RUN, values);
    rig_put_event(&writer, 7, false, body);
    struct wire_frame frame;
    size_t used;
    bool done = wire_parse((struct bytes){ writer.out.data, writer.out.length }, &frame, &used) == WIRE_FRAME;
    wire_get_number(&frame);
    done = done && setting_tree_read(&rig->settings, &frame);
    rig->frame = writer.out;
    done = done &&
           wire_parse((struct bytes){ writer.out.data + used, writer.out.length - used }, &frame, &used) == WIRE_FRAME;
    done = done && host_event_read(&rig->event, &frame);
    services_start(&rig->host, &rig->connection, &rig->settings, 60000);
    services_begin(&rig->host, &rig->event);
    *state = rig;
    return done ? 0 : -1;
}

static int teardown(void **state) {
    struct services_rig *rig = *state;
    services_stop(&rig->host);
    setting_tree_free(&rig->settings);
    close(rig->connection.descriptor);
    connection_free(&rig->connection);
    close(rig->daemon);
    buffer_free(&rig->frame);
    free(rig);
    return 0;
}

static struct grapnel_call *call_of(void **state) {
    return &((struct services_rig *)*state)->host.call;
}

static void test_about(void **state) {
    struct grapnel_call *call = call_of(state);
    assert_string_equal(grapnel_id(call), "e7");
    assert_string_equal(grapnel_type(call), "order.paid");
    assert_string_equal(grapnel_source(call), "shop");
    assert_string_equal(grapnel_key(call), "key7");
    assert_int_equal(grapnel_attempt(call), 1);
    assert_int_equal(grapnel_received_ms(call), 1769860800000);
    assert_in_range(grapnel_ms_left(call), 1, 60000);
    assert_string_equal(grapnel_header(call, "Content-Type"), "application/json");
    assert_string_equal(grapnel_header(call, "x-shop"), "a: b");
    assert_null(grapnel_header(call, "x-sho"));
    assert_null(grapnel_header(call, ""));
    assert_null(call->api->about(call, 99));
    assert_int_equal(call->api->number(call, 99), 0);
}

static void test_payload(void **state) {
    struct grapnel_call *call = call_of(state);
    size_t length = 99;
    assert_string_equal(grapnel_json(call, "/data/amount"), "10.20");
    assert_string_equal(grapnel_text(call, "/data/text"), "a\xc3\xa9\n");
    assert_string_equal(grapnel_json_length(call, "/data/text", &length), "\"a\\u00e9\\n\"");
    assert_int_equal(length, 11);
    assert_null(grapnel_text(call, "/data/nul"));
    assert_memory_equal(grapnel_text_length(call, "/data/nul", &length), "a\0b", 4);
    assert_int_equal(length, 3);
    assert_null(grapnel_text_length(call, "/data/amount", &length));
    assert_int_equal(length, 0);
    assert_null(grapnel_json(call, "/missing"));
    assert_null(grapnel_json(call, "no pointer"));
    assert_null(grapnel_json(call, NULL));
    assert_string_equal(grapnel_json(call, "/data/"), "true");
    assert_string_equal(grapnel_json_length(call, "", &length), body);
    assert_int_equal(length, sizeof body - 1);
    assert_string_equal(grapnel_json(call, "/data/a~1b/1"), "{\"x\": null}");
}

static void test_members(void **state) {
    struct grapnel_call *call = call_of(state);
    assert_int_equal(grapnel_count(call, ""), 1);
    assert_int_equal(grapnel_count(call, "/data/a~1b"), 3);
    assert_int_equal(grapnel_count(call, "/data/amount"), -1);
    assert_int_equal(grapnel_count(call, "/missing"), -1);
    assert_string_equal(grapnel_member(call, "", 0), "/data");
    assert_string_equal(grapnel_member(call, "/data/a~1b", 2), "/data/a~1b/2");
    assert_null(grapnel_member(call, "/data/a~1b", 3));
    assert_null(grapnel_member(call, "/data/a~1b", -1));
    assert_string_equal(grapnel_member(call, "/data", 3), "/data/a~1b");
    assert_string_equal(grapnel_last_name(call, grapnel_member(call, "/data", 3)), "a/b");
    assert_string_equal(grapnel_escape(call, "a/~b"), "a~1~0b");
    assert_string_equal(grapnel_last_name(call, "a~1~0b"), "a/~b");
}

static void test_settings(void **state) {
    struct grapnel_call *call = call_of(state);
    assert_string_equal(grapnel_setting_text(call, "plain"), "17");
    assert_int_equal(grapnel_setting_number(call, "plain"), 17);
    assert_null(grapnel_setting_text(call, "missing"));
    assert_int_equal(grapnel_setting_number(call, "missing"), 0);
    assert_int_equal(grapnel_setting_count(call, "list"), 11);
    /* in the order of the file, not of the alphabet: 2 comes before 10 */
    assert_string_equal(grapnel_setting_member(call, "list", 2), "list/2");
    assert_string_equal(grapnel_setting_text(call, grapnel_setting_member(call, "list", 10)), "ten");
    assert_null(grapnel_setting_member(call, "list", 11));
    assert_int_equal(grapnel_setting_count(call, "plain"), 0);
    assert_int_equal(grapnel_setting_count(call, "templates"), 2);
    assert_string_equal(grapnel_setting_member(call, "templates", 0), "templates/b~1c");
    assert_int_equal(grapnel_setting_count(call, "templates/a"), 2);
    assert_string_equal(grapnel_setting_member(call, "templates/a", 0), "templates/a/subject");
    assert_null(grapnel_setting_text(call, "templates/a"));
    assert_int_equal(grapnel_setting_count(call, ""), 3);
    assert_string_equal(grapnel_setting_member(call, "", 1), "templates");
}

static void test_memory(void **state) {
    struct services_rig *rig = *state;
    struct grapnel_call *call = call_of(state);
    for (int round = 0; round < 3; round++) {
        char *small = grapnel_allocate(call, 0), *large = grapnel_allocate(call, 1024 * 1024);
        assert_non_null(small);
        assert_non_null(large);
        memset(large, 1, 1024 * 1024);
        assert_int_equal((uintptr_t)grapnel_allocate(call, 3) % _Alignof(max_align_t), 0);
        assert_int_equal((uintptr_t)grapnel_allocate(call, 40000) % _Alignof(max_align_t), 0);
        assert_null(grapnel_allocate(call, ARENA_LIMIT));
        assert_null(grapnel_allocate(call, SIZE_MAX));
        int pieces = 0;
        while (grapnel_allocate(call, 1024 * 1024))
            pieces++;
        assert_int_equal(pieces, 62);
        services_end(&rig->host, GRAPNEL_OK);
        services_begin(&rig->host, &rig->event);
    }
    assert_string_equal(grapnel_format(call, "%s-%d", "x", 5), "x-5");
}

static void test_log_is_cut(void **state) {
    struct services_rig *rig = *state;
    char line[WIRE_TEXT_LIMIT + 100];
    memset(line, 'x', sizeof line);
    memcpy(line + WIRE_TEXT_LIMIT - 1, "\xc3\xa9", 2); /* across the limit */
    line[sizeof line - 1] = '\0';
    grapnel_log(call_of(state), GRAPNEL_WARN, "%s", line);
    call_of(state)->api->log(call_of(state), 77, NULL);
    char bytes[2 * WIRE_TEXT_LIMIT];
    ssize_t count = read(rig->daemon, bytes, sizeof bytes);
    assert_true(count > 0);
    struct wire_frame frame;
    size_t used;
    assert_int_equal(wire_parse((struct bytes){ bytes, (size_t)count }, &frame, &used), WIRE_FRAME);
    assert_int_equal(frame.type, WIRE_LOG);
    assert_int_equal(wire_get_number(&frame), GRAPNEL_WARN);
    assert_int_equal(wire_get_text(&frame).length, WIRE_TEXT_LIMIT - 1);
}

static void test_outcome(void **state) {
    struct services_rig *rig = *state;
    struct grapnel_call *call = call_of(state);
    assert_int_equal(grapnel_retry(call, 5, "why %d", 1), GRAPNEL_RETRY);
    assert_int_equal(services_end(&rig->host, GRAPNEL_RETRY), GRAPNEL_RETRY);
    assert_int_equal(rig->host.after_ms, 5);
    assert_string_equal(buffer_text(&rig->host.text), "why 1");
    services_begin(&rig->host, &rig->event);
    assert_string_equal(buffer_text(&rig->host.text), "");
    grapnel_busy(call, -5, "changed its mind");
    assert_int_equal(services_end(&rig->host, GRAPNEL_OK), GRAPNEL_OK);
    assert_string_equal(buffer_text(&rig->host.text), "");
    services_begin(&rig->host, &rig->event);
    assert_int_equal(services_end(&rig->host, -3), GRAPNEL_RETRY);
    assert_non_null(strstr(buffer_text(&rig->host.text), "returned -3"));
}

static void test_no_event(void **state) {
    struct services_rig *rig = *state;
    struct grapnel_call *call = call_of(state);
    services_end(&rig->host, GRAPNEL_OK);
    services_begin(&rig->host, NULL);
    assert_string_equal(grapnel_id(call), "");
    assert_int_equal(grapnel_attempt(call), 0);
    assert_null(grapnel_json(call, ""));
    assert_null(grapnel_text(call, "/data/text"));
    assert_int_equal(grapnel_count(call, ""), -1);
    assert_null(grapnel_header(call, "content-type"));
    assert_string_equal(grapnel_setting_text(call, "plain"), "17");
}

static void test_settings_garbage(void **state) {
    struct rig writer = { 0 };
    static const char *const values[] = { "a", "1", "b/c", "2", NULL };
    rig_put_init(&writer, WIRE_INIT_RUN, values);
    for (uint32_t length = 8; length < writer.out.length - WIRE_HEADER_SIZE; length++) {
        memcpy(writer.out.data + 8, &length, sizeof length);
        struct wire_frame frame;
        size_t used;
        assert_int_equal(wire_parse((struct bytes){ writer.out.data, writer.out.length }, &frame, &used), WIRE_FRAME);
        wire_get_number(&frame);
        struct setting_tree tree;
        assert_false(setting_tree_read(&tree, &frame));
        setting_tree_free(&tree);
    }
    buffer_free(&writer.out);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_about),    TEST(test_payload),  TEST(test_members),
        TEST(test_settings), TEST(test_memory),   TEST(test_log_is_cut),
        TEST(test_outcome),  TEST(test_no_event), cmocka_unit_test(test_settings_garbage),
    };
    return cmocka_run_group_tests_name("host services", tests, NULL, NULL);
}
