/* A call into the plugin with an event and settings of the test's choice: the host's own services behind it. */
#ifndef TEST_EMAIL_CALL_H
#define TEST_EMAIL_CALL_H

#include "../../host/rig.h"

#include "host/services.h"

struct test_call {
    int daemon; /* the other end of the connection */
    struct connection connection;
    struct setting_tree settings;
    struct host_call host;
    struct buffer frame;
    struct host_event event;
};

static inline void test_event(struct rig *writer, const char *id, const char *type, const char *body) {
    size_t begun = wire_begin(&writer->out, WIRE_EVENT);
    for (int i = 0; i < 3; i++)
        wire_put_number(&writer->out, i < 2);
    wire_put_number(&writer->out, 1769860800000); /* 2026-01-31 12:00:00 UTC */
    wire_put_text(&writer->out, bytes_of("shop"));
    wire_put_text(&writer->out, bytes_of(id));
    wire_put_text(&writer->out, bytes_of(type));
    wire_put_text(&writer->out, bytes_of("c0ffee~1"));
    wire_put_text(&writer->out, bytes_of(""));
    wire_put_text(&writer->out, bytes_of(body));
    wire_end(&writer->out, begun);
}

/* `values`: path, text, …, null. */
static inline struct grapnel_call *test_call_begin(struct test_call *call, const char *const *values, const char *id,
                                                   const char *type, const char *body) {
    int sockets[2];
    struct wire_frame frame;
    size_t used;
    struct rig writer = { 0 };
    *call = (struct test_call){ 0 };
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
    assert_true(connection_open(&call->connection, sockets[1]));
    call->daemon = sockets[0];
    rig_put_init(&writer, WIRE_INIT_RUN, values);
    test_event(&writer, id, type, body);
    call->frame = writer.out;
    assert_int_equal(wire_parse((struct bytes){ writer.out.data, writer.out.length }, &frame, &used), WIRE_FRAME);
    wire_get_number(&frame);
    assert_true(setting_tree_read(&call->settings, &frame));
    struct bytes rest = { writer.out.data + used, writer.out.length - used };
    assert_int_equal(wire_parse(rest, &frame, &used), WIRE_FRAME);
    assert_true(host_event_read(&call->event, &frame));
    services_start(&call->host, &call->connection, &call->settings, 60000);
    services_begin(&call->host, &call->event);
    return &call->host.call;
}

static inline void test_call_end(struct test_call *call) {
    services_stop(&call->host);
    setting_tree_free(&call->settings);
    close(call->connection.descriptor);
    connection_free(&call->connection);
    close(call->daemon);
    buffer_free(&call->frame);
}

#endif
