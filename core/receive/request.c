/* Reading one request: what civetweb leaves to its user, and what it would let through. */
#include "receive/request.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/units.h"
#include "civetweb.h"
#include "receive/civetweb_unit.h"
#include "receive/exchange.h"
#include "receive/intake.h"

enum { HEADERS_LIMIT = 8 * 1024, READ_STEP = 16 * 1024, LENGTH_DIGITS = 18 };

/* Without the white space at its end, which civetweb leaves. */
static struct bytes header_value(const struct mg_header *header) {
    struct bytes value = bytes_of(header->value);
    while (value.length > 0 && (value.data[value.length - 1] == ' ' || value.data[value.length - 1] == '\t'))
        value.length--;
    return value;
}

static bool length_parse(struct bytes text, int64_t *length) {
    *length = 0;
    if (text.length == 0)
        return false;
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        /* Longer than any limit: the exact number does not matter any more. */
        *length = i < LENGTH_DIGITS ? *length * 10 + (text.data[i] - '0') : INT64_MAX;
    }
    return true;
}

static enum answer head_refuse(struct fault *reason, const char *why) {
    fault_set(reason, "%s", why);
    return ANSWER_MALFORMED;
}

enum answer request_read_head(struct request *request, struct mg_connection *connection, struct fault *reason) {
    *request = (struct request){ .connection = connection, .info = mg_get_request_info(connection) };
    int lengths = 0, encodings = 0;
    for (int i = 0; i < request->info->num_headers; i++) {
        const struct mg_header *header = &request->info->http_headers[i];
        switch (header->name[0] | 0x20) {
        case 'c':
            if (strcasecmp(header->name, "Content-Length") == 0) {
                lengths++;
                if (!length_parse(header_value(header), &request->content_length))
                    return head_refuse(reason, "the Content-Length is not a number");
            } else if (strcasecmp(header->name, "Content-Type") == 0) {
                request->doubled_content_type = request->content_type != NULL;
                request->content_type = header->value;
            }
            break;
        case 't':
            if (strcasecmp(header->name, "Transfer-Encoding") == 0) {
                encodings++;
                request->chunked = bytes_equal_nocase(header_value(header), bytes_of("chunked"));
            }
            break;
        case 'e':
            if (strcasecmp(header->name, "Expect") == 0) {
                bool known = bytes_equal_nocase(header_value(header), bytes_of("100-continue"));
                request->expects_continue |= known;
                request->expects_more |= !known;
            }
            break;
        }
    }
    if (lengths + encodings > 1)
        return head_refuse(reason, "more than one Content-Length or Transfer-Encoding");
    if (encodings == 1 && (!request->chunked || strcmp(request->info->http_version, "1.1") != 0))
        return head_refuse(reason, "an unknown Transfer-Encoding");
    if (!civetweb_head_is_whole(connection))
        return head_refuse(reason, "a header line that can't be read, or too many of them");
    return ANSWER_NONE;
}

enum answer request_unreadable(const struct mg_connection *connection, int status, bool late) {
    if (civetweb_head_is_too_long(connection))
        return ANSWER_HEAD_SIZE;
    if (status == answer_row(ANSWER_VERSION)->status)
        return ANSWER_VERSION;
    return late && !civetweb_head_is_there(connection) ? ANSWER_SLOW : ANSWER_MALFORMED;
}

bool request_type_is_json(const char *type) {
    size_t length = strcspn(type, "; \t");
    struct bytes name = { type, length };
    if (bytes_equal_nocase(name, bytes_of("application/json")))
        return true;
    const char *slash = memchr(type, '/', length);
    static const char suffix[] = "+json";
    size_t suffix_length = sizeof(suffix) - 1;
    if (slash == NULL || slash == type || length < suffix_length || type + length - suffix_length <= slash + 1)
        return false;
    return bytes_equal_nocase((struct bytes){ type + length - suffix_length, suffix_length }, bytes_of(suffix));
}

static enum answer check_type(const struct request *request, struct fault *reason) {
    if (request->doubled_content_type)
        fault_set(reason, "the header Content-Type stands more than once");
    else if (request->content_type == NULL)
        fault_set(reason, "the header Content-Type is missing");
    else if (!request_type_is_json(request->content_type))
        fault_set(reason, "the content type is \"%.100s\", not application/json or one that ends in +json",
                  request->content_type);
    else
        return ANSWER_NONE;
    return ANSWER_CONTENT_TYPE;
}

enum answer request_check_body(const struct request *request, int64_t limit, struct fault *reason) {
    if (request->content_length > limit) {
        char text[UNITS_TEXT_SIZE];
        size_format(limit, text);
        fault_set(reason, "a body of %lld bytes is over `limits: body` of %s", (long long)request->content_length,
                  text);
        return ANSWER_BODY_SIZE;
    }
    enum answer answer = check_type(request, reason);
    if (answer != ANSWER_NONE)
        return answer;
    return request->expects_more ? ANSWER_EXPECTATION : ANSWER_NONE;
}

static enum answer read_failed(const struct exchange *exchange, struct fault *reason) {
    if (exchange->crowded_out) {
        fault_set(reason, "the body came too slowly while others waited for a thread");
        return ANSWER_SLOW;
    }
    if (clock_monotonic_ms() >= exchange->deadline_ms) {
        char text[UNITS_TEXT_SIZE];
        duration_format(exchange->intake->options.setup->limits.request_timeout_ms, text);
        fault_set(reason, "the body did not arrive within `limits: request_timeout` of %s", text);
        return ANSWER_SLOW;
    }
    if (atomic_load(&exchange->intake->stopping)) {
        fault_set(reason, "the daemon stopped before the body had arrived");
        return ANSWER_UNAVAILABLE;
    }
    fault_set(reason, "the body ended early or is badly chunked");
    return ANSWER_MALFORMED;
}

static enum answer read_known_length(const struct request *request, struct exchange *exchange, struct fault *reason) {
    struct buffer *body = &exchange->body;
    size_t wanted = (size_t)request->content_length;
    if (buffer_reserve(body, wanted + 1) == NULL)
        return ANSWER_UNAVAILABLE;
    while (body->length < wanted) {
        int bytes = mg_read(request->connection, body->data + body->length, wanted - body->length);
        if (bytes <= 0)
            return read_failed(exchange, reason);
        body->length += (size_t)bytes;
    }
    return ANSWER_NONE;
}

static enum answer read_chunks(const struct request *request, struct exchange *exchange, struct fault *reason) {
    struct buffer *body = &exchange->body;
    size_t limit = (size_t)exchange->intake->options.setup->limits.body;
    for (;;) {
        char *room = buffer_reserve(body, READ_STEP);
        if (room == NULL)
            return ANSWER_UNAVAILABLE;
        int bytes = mg_read(request->connection, room, READ_STEP);
        if (bytes < 0)
            return read_failed(exchange, reason);
        if (bytes == 0)
            return ANSWER_NONE;
        body->length += (size_t)bytes;
        if (body->length > limit) {
            char text[UNITS_TEXT_SIZE];
            size_format((int64_t)limit, text);
            fault_set(reason, "a chunked body is over `limits: body` of %s", text);
            return ANSWER_BODY_SIZE;
        }
    }
}

enum answer request_read_body(const struct request *request, struct exchange *exchange, struct fault *reason) {
    static const char proceed[] = "HTTP/1.1 100 Continue\r\n\r\n";
    buffer_clear(&exchange->body);
    if (request->expects_continue && strcmp(request->info->http_version, "1.1") == 0 &&
        (request->chunked || request->content_length > 0) && civetweb_bytes_behind_head(request->connection) == 0) {
        if (!answer_send_bytes(civetweb_socket(request->connection), (struct bytes){ proceed, sizeof(proceed) - 1 }))
            return read_failed(exchange, reason);
    }
    return request->chunked ? read_chunks(request, exchange, reason) : read_known_length(request, exchange, reason);
}

bool request_header(void *context, const char *name, int count, struct bytes *value) {
    const struct mg_request_info *info = ((const struct request *)context)->info;
    int first = tolower((unsigned char)name[0]);
    for (int i = 0; i < info->num_headers; i++) {
        const struct mg_header *header = &info->http_headers[i];
        if (tolower((unsigned char)header->name[0]) == first && strcasecmp(header->name, name) == 0 && count-- == 0) {
            *value = header_value(header);
            return true;
        }
    }
    return false;
}

/* Credentials; what is about this one connection and not the event; and Content-Length, which the body's own length
 * says. */
static const char *const dropped_headers[] = {
    "authorization",
    "connection",
    "content-length",
    "cookie",
    "expect",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
};

static bool header_is_named(const char *name, const char *lower) {
    return lower != NULL && (name[0] | 0x20) == (lower[0] | 0x20) && strcasecmp(name, lower) == 0;
}

static bool header_is_dropped(const char *name, const struct signature_scheme *scheme) {
    for (size_t i = 0; i < sizeof(dropped_headers) / sizeof(*dropped_headers); i++) {
        if (header_is_named(name, dropped_headers[i]))
            return true;
    }
    return signature_is_header(scheme, bytes_of(name));
}

bool request_keep_headers(const struct request *request, const struct signature_scheme *scheme, struct buffer *out) {
    for (int i = 0; i < request->info->num_headers; i++) {
        const struct mg_header *header = &request->info->http_headers[i];
        if (header_is_dropped(header->name, scheme))
            continue;
        struct bytes name = bytes_of(header->name), value = header_value(header);
        size_t length = name.length + value.length + sizeof(": \n") - 1;
        char *line = out->length + length <= HEADERS_LIMIT ? buffer_reserve(out, length) : NULL;
        if (line == NULL)
            return false;
        for (size_t at = 0; at < name.length; at++)
            *line++ = (char)tolower((unsigned char)name.data[at]);
        *line++ = ':';
        *line++ = ' ';
        memcpy(line, value.data, value.length);
        line[value.length] = '\n';
        out->length += length;
    }
    return true;
}
