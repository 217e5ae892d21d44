/* The HTTP side of one request: its head, looked through once, and its body. */
#ifndef RECEIVE_REQUEST_H
#define RECEIVE_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/fault.h"
#include "event/signature.h"
#include "receive/answer.h"

struct exchange;
struct mg_connection;
struct mg_request_info;

/* Valid while the request is being handled. */
struct request {
    struct mg_connection *connection;
    const struct mg_request_info *info;
    int64_t content_length; /* 0 if there is no such header */
    bool chunked, doubled_content_type, expects_continue, expects_more;
    const char *content_type; /* or null */
};

/* Each of these gives ANSWER_NONE to go on, or the refusal, then with a reason for the log in `reason` where the
 * answer's own is not precise enough. */

/* Fills `request`; refuses what two readers could understand differently. */
enum answer request_read_head(struct request *request, struct mg_connection *connection, struct fault *reason);
/* The refusal of what civetweb could not read as a request, and calls its http_error callback for with `status`. */
enum answer request_unreadable(const struct mg_connection *connection, int status, bool late);
/* application/json or anything/anything+json; parameters are of no interest. */
bool request_type_is_json(const char *type);
/* Is it a body that we take: size, content type, expectation? */
enum answer request_check_body(const struct request *request, int64_t limit, struct fault *reason);
/* Reads the whole body into exchange->body. */
enum answer request_read_body(const struct request *request, struct exchange *exchange, struct fault *reason);

/* The headers, as signature_verify and locate_value ask for them. `context` is the struct request. */
bool request_header(void *context, const char *name, int count, struct bytes *value);
/* Appends those that are kept with an event as lower-case "name: value\n". False when there was no room for all of
 * them. */
bool request_keep_headers(const struct request *request, const struct signature_scheme *scheme, struct buffer *out);

#endif
