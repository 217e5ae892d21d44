#include "cli/local_http.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/units.h"

enum { READ_STEP = 64 * 1024, DIGITS_LIMIT = 18 };

/* -1 with errno. Waits for its turn, which connect does only on a socket that blocks. */
static int connect_to(const char *path) {
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    struct timeval patience = { .tv_sec = LOCAL_HTTP_TURN_S };
    int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0)
        return -1;
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    if (setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) == 0 && /* of connect, too */
        connect(descriptor, (struct sockaddr *)&address, sizeof address) == 0)
        return descriptor;
    int error = errno;
    close(descriptor);
    errno = error;
    return -1;
}

/* Waits until something can be sent or received. */
static bool is_ready(int descriptor, short events, int64_t deadline_ms) {
    struct pollfd poller = { .fd = descriptor, .events = events };
    for (;;) {
        int64_t left = deadline_ms - clock_monotonic_ms();
        int found = left > 0 ? poll(&poller, 1, (int)left) : 0;
        if (found >= 0 || errno != EINTR)
            return found > 0;
    }
}

/* A daemon that refuses early may have stopped reading: its answer counts, not that it was not heard to the end. */
static enum local_http_end send_all(int descriptor, struct bytes data, int64_t deadline_ms) {
    while (data.length > 0) {
        if (!is_ready(descriptor, POLLOUT, deadline_ms))
            return LOCAL_HTTP_TIMED_OUT;
        ssize_t sent = send(descriptor, data.data, data.length, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno != EAGAIN && errno != EINTR)
            return LOCAL_HTTP_ANSWERED;
        if (sent > 0)
            data = (struct bytes){ data.data + sent, data.length - (size_t)sent };
    }
    return LOCAL_HTTP_ANSWERED;
}

static void question_make(const struct local_http *question, struct buffer *text) {
    buffer_format(text, "%s %s HTTP/1.1\r\nHost: grapnel\r\nConnection: close\r\n", question->body ? "POST" : "GET",
                  question->path);
    if (question->body)
        buffer_format(text, "Content-Type: application/json\r\nContent-Length: %zu\r\n", question->body->length);
    buffer_append_text(text, "\r\n");
    if (question->body)
        buffer_append(text, question->body->data, question->body->length);
}

/* The value of a header in a head, without the blanks around it; data null if there is none. */
static struct bytes header_value(struct bytes head, const char *name) {
    size_t length = strlen(name);
    for (const char *line = head.data, *end = head.data + head.length; line < end;) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        stop = stop ? stop : end;
        struct bytes given = { line, (size_t)(stop - line) };
        if (given.length > length && given.data[length] == ':' &&
            bytes_equal_nocase((struct bytes){ line, length }, bytes_of(name))) {
            given = (struct bytes){ line + length + 1, given.length - length - 1 };
            while (given.length > 0 && given.data[0] == ' ')
                given = (struct bytes){ given.data + 1, given.length - 1 };
            while (given.length > 0 && strchr(" \r", given.data[given.length - 1]))
                given.length--;
            return given;
        }
        line = stop + 1;
    }
    return (struct bytes){ NULL, 0 };
}

/* What a head says; false if it is none. */
static bool head_read(const struct local_http *question, struct bytes head, int *status, int64_t *length) {
    static const char version[] = "HTTP/1.1 ";
    char digits[DIGITS_LIMIT + 1];
    int64_t code;
    if (head.length < sizeof version - 1 + 3 || memcmp(head.data, version, sizeof version - 1) != 0)
        return false;
    snprintf(digits, sizeof digits, "%.3s", head.data + sizeof version - 1);
    struct bytes given = header_value(head, "Content-Length"), link = header_value(head, "Link");
    if (!integer_parse(digits, &code) || code < 100 || given.length == 0 || given.length > DIGITS_LIMIT)
        return false;
    *status = (int)code;
    snprintf(digits, sizeof digits, "%.*s", (int)given.length, given.data);
    buffer_clear(question->link);
    if (link.data)
        buffer_append(question->link, link.data, link.length);
    return integer_parse(digits, length) && *length >= 0;
}

/* One answer on its way. */
struct reading {
    const struct local_http *question;
    int *status;
    int64_t length; /* of the body; -1 while the head is not there yet */
};

/* Looks at what has come so far, all in `answer`. ANSWERED when it is whole; BROKEN_OFF when more must come. */
static enum local_http_end answer_look(struct reading *reading) {
    struct buffer *answer = reading->question->answer;
    if (reading->length < 0) {
        const char *end = memmem(answer->data, answer->length, "\r\n\r\n", 4);
        if (end == NULL)
            return answer->length > LOCAL_HTTP_HEAD_LIMIT ? LOCAL_HTTP_GARBAGE : LOCAL_HTTP_BROKEN_OFF;
        size_t head = (size_t)(end - answer->data) + 2;
        if (!head_read(reading->question, (struct bytes){ answer->data, head }, reading->status, &reading->length))
            return LOCAL_HTTP_GARBAGE;
        buffer_consume(answer, head + 2);
    }
    if (reading->length > (int64_t)answer->limit)
        return LOCAL_HTTP_TOO_LONG;
    return (int64_t)answer->length >= reading->length ? LOCAL_HTTP_ANSWERED : LOCAL_HTTP_BROKEN_OFF;
}

static enum local_http_end answer_read(int descriptor, const struct local_http *question, int *status,
                                       int64_t deadline_ms) {
    struct reading reading = { .question = question, .status = status, .length = -1 };
    struct buffer *answer = question->answer;
    size_t limit = answer->limit;
    enum local_http_end end = LOCAL_HTTP_BROKEN_OFF;
    buffer_clear(answer);
    while (end == LOCAL_HTTP_BROKEN_OFF) {
        if (!is_ready(descriptor, POLLIN, deadline_ms))
            return LOCAL_HTTP_TIMED_OUT;
        answer->limit = limit + LOCAL_HTTP_HEAD_LIMIT + READ_STEP;
        char *room = buffer_reserve(answer, READ_STEP);
        answer->limit = limit;
        if (room == NULL)
            return LOCAL_HTTP_NO_MEMORY;
        ssize_t count = recv(descriptor, room, READ_STEP, MSG_DONTWAIT);
        if (count < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (count <= 0)
            return answer->length > 0 && reading.length < 0 &&
                           memcmp(answer->data, "HTTP", answer->length < 4 ? answer->length : 4) != 0
                       ? LOCAL_HTTP_GARBAGE
                       : LOCAL_HTTP_BROKEN_OFF;
        answer->length += (size_t)count;
        end = answer_look(&reading);
    }
    if (end == LOCAL_HTTP_ANSWERED)
        answer->length = (size_t)reading.length;
    return end;
}

enum local_http_end local_http_ask(const struct local_http *question, int *status) {
    struct buffer text = { 0 };
    int descriptor = connect_to(question->socket);
    if (descriptor < 0)
        return LOCAL_HTTP_NOT_CONNECTED;
    int64_t deadline_ms = clock_monotonic_ms() + (int64_t)LOCAL_HTTP_ANSWER_S * 1000;
    question_make(question, &text);
    enum local_http_end end = text.failed ? LOCAL_HTTP_NO_MEMORY
                                          : send_all(descriptor, (struct bytes){ text.data, text.length }, deadline_ms);
    if (end == LOCAL_HTTP_ANSWERED)
        end = answer_read(descriptor, question, status, deadline_ms);
    buffer_free(&text);
    close(descriptor);
    return end;
}
