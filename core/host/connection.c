/* Reading and writing the daemon's socket. Both block: the daemon's end never does, so neither side can wait for the other for ever. */
#include "host/connection.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

bool connection_open(struct connection *connection, int descriptor) {
    struct stat status;
    if (fstat(descriptor, &status) != 0 || !S_ISSOCK(status.st_mode))
        return false;
    *connection = (struct connection){ .descriptor = descriptor, .device = status.st_dev, .inode = status.st_ino };
    return true;
}

void connection_free(struct connection *connection) {
    buffer_free(&connection->input);
    buffer_free(&connection->output);
}

bool connection_owned(const struct connection *connection) {
    struct stat status;
    return fstat(connection->descriptor, &status) == 0 && status.st_dev == connection->device &&
           status.st_ino == connection->inode;
}

enum wire_status connection_next(struct connection *connection, struct wire_frame *frame, struct bytes *raw) {
    if (!connection_has_part(connection))
        return WIRE_MORE;
    struct bytes rest = { connection->input.data + connection->used, connection->input.length - connection->used };
    size_t used = 0;
    enum wire_status status = wire_parse(rest, frame, &used);
    if (status == WIRE_FRAME) {
        connection->used += used;
        if (raw)
            *raw = (struct bytes){ rest.data, used };
    }
    return status;
}

bool connection_has_part(const struct connection *connection) {
    return connection->used < connection->input.length;
}

bool connection_waits(const struct connection *connection, int timeout_ms) {
    struct pollfd entry = { .fd = connection->descriptor, .events = POLLIN };
    return poll(&entry, 1, timeout_ms) > 0;
}

/* Room for the rest of the frame that has begun, so that a large one is not copied again and again while it comes. */
static size_t connection_wanted(const struct connection *connection) {
    struct bytes rest = { connection->input.data, connection->input.length };
    struct wire_frame frame;
    size_t needed = 0;
    if (rest.length && wire_parse(rest, &frame, &needed) == WIRE_MORE && needed > rest.length + CONNECTION_READ_SIZE)
        return needed - rest.length;
    return CONNECTION_READ_SIZE;
}

bool connection_fill(struct connection *connection) {
    struct buffer *input = &connection->input;
    buffer_consume(input, connection->used);
    connection->used = 0;
    if (input->length == 0 && input->capacity > CONNECTION_KEEP_SIZE)
        buffer_free(input);
    size_t wanted = connection_wanted(connection);
    char *room = buffer_reserve(input, wanted);
    if (!room)
        return false;
    ssize_t count;
    do
        count = read(connection->descriptor, room, wanted);
    while (count < 0 && errno == EINTR);
    if (count <= 0)
        return false;
    input->length += (size_t)count;
    return true;
}

void connection_outcome(struct connection *connection, const struct wire_outcome *outcome) {
    struct buffer *output = &connection->output;
    size_t begun = wire_begin(output, WIRE_OUTCOME);
    wire_put_number(output, outcome->sequence);
    wire_put_number(output, outcome->code);
    wire_put_number(output, outcome->after_ms);
    wire_put_number(output, outcome->duration_us);
    wire_put_text(output, outcome->text);
    wire_end(output, begun);
    connection->outcomes++;
    connection->spent_us += outcome->duration_us;
    if (connection->outcomes >= CONNECTION_OUTCOMES || connection->spent_us >= CONNECTION_DELAY_US ||
        output->length >= CONNECTION_SEND_SIZE || output->failed)
        connection_send(connection);
}

void connection_send(struct connection *connection) {
    struct buffer *output = &connection->output;
    size_t sent = 0;
    /* A descriptor that is another thing now, a file of the plugin perhaps, must not get our frames. */
    if (output->failed || (output->length && !connection_owned(connection)))
        _exit(1);
    while (sent < output->length) {
        ssize_t count = send(connection->descriptor, output->data + sent, output->length - sent, MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            _exit(1);
        sent += (size_t)count;
    }
    buffer_clear(output);
    connection->outcomes = 0;
    connection->spent_us = 0;
}
