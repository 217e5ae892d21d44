#include "admin/question.h"

#include <string.h>

#include "admin/guard.h"
#include "civetweb.h"
#include "receive/answer.h"
#include "receive/civetweb_unit.h"
#include "receive/request.h"

/* ---- the answer ---- */

/* The head's own lines. Link has no byte in it that could end it early, whatever a row made of what was asked. */
static void head_append(struct buffer *head, const struct api_answer *answer) {
    if (answer->allow[0] != '\0')
        buffer_format(head, "Allow: %s\r\n", answer->allow);
    if (answer->status == 401)
        buffer_append_text(head, "WWW-Authenticate: Bearer realm=\"grapnel\"\r\n");
    if (answer->next.length == 0)
        return;
    buffer_append_text(head, "Link: <");
    for (size_t i = 0; i < answer->next.length; i++) {
        unsigned char byte = (unsigned char)answer->next.data[i];
        bool plain = byte > ' ' && byte < 0x7f && byte != '<' && byte != '>' && byte != '"';
        buffer_format(head, plain ? "%c" : "%%%02X", byte);
    }
    buffer_append_text(head, ">; rel=\"next\"\r\n");
}

/* A client that does not take its answer in time, or is gone, has none: that is its own affair. */
static void answer_give(struct mg_connection *connection, const struct api_answer *answer) {
    const struct mg_request_info *info = mg_get_request_info(connection);
    bool no_body = info->request_method != NULL && strcmp(info->request_method, "HEAD") == 0;
    struct answer_date date = { 0 };
    struct buffer head = { 0 };
    answer_date_update(&date);
    buffer_format(&head, "HTTP/1.1 %d %s\r\nDate: %s\r\n", answer->status,
                  mg_get_response_code_text(connection, answer->status), date.text);
    head_append(&head, answer);
    buffer_format(&head,
                  "Content-Type: %s\r\nX-Content-Type-Options: nosniff\r\nContent-Length: %zu\r\n"
                  "Cache-Control: no-store\r\nConnection: close\r\n\r\n",
                  answer->content_type ? answer->content_type : "application/json", answer->body.length);
    civetweb_patience_begins();
    if (!head.failed)
        mg_write(connection, head.data, head.length);
    if (!head.failed && !no_body)
        mg_write(connection, answer->body.data, answer->body.length);
    buffer_free(&head);
    civetweb_set_closing(connection);
    if (civetweb_body_is_unread(connection))
        civetweb_linger(connection);
}

static void answer_free(struct api_answer *answer) {
    buffer_free(&answer->body);
    buffer_free(&answer->next);
}

/* Logged at a guarded door: somebody may be trying tokens, or be looking for the right one. */
static int refuse(struct question_rules *rules, struct mg_connection *connection, int status, const char *why) {
    struct api_answer answer = { 0 };
    if (rules->guarded)
        log_limited(rules->log, &rules->refusal_lines, LOG_LEVEL_WARN, "%s: refused with %d, from %s: %s", rules->door,
                    status, civetweb_remote_address(connection), why);
    api_refuse(&answer, status, "%s", why);
    if (status == 405)
        strcpy(answer.allow, "GET, POST");
    answer_give(connection, &answer);
    answer_free(&answer);
    return status;
}

/* What is wrong below the level of the API, in the words that senders' mistakes have too. */
static int refuse_request(struct question_rules *rules, struct mg_connection *connection, enum answer wrong,
                          const struct fault *reason) {
    const struct answer_row *row = answer_row(wrong);
    return refuse(rules, connection, row->status, reason->text[0] != '\0' ? reason->text : row->reason);
}

/* ---- the body ---- */

static enum answer body_too_large(struct fault *reason) {
    fault_set(reason, "the body is over %d bytes", API_BODY_LIMIT);
    return ANSWER_BODY_SIZE;
}

static enum answer body_check(const struct request *request, struct fault *reason) {
    if (request->content_length > API_BODY_LIMIT)
        return body_too_large(reason);
    if (request->doubled_content_type || (request->content_type && !request_type_is_json(request->content_type))) {
        fault_set(reason, "the body must be JSON, with the header `Content-Type: application/json` or none");
        return ANSWER_CONTENT_TYPE;
    }
    return request->expects_more ? ANSWER_EXPECTATION : ANSWER_NONE;
}

/* A client that drips is out of time when civetweb_patience says so. */
static enum answer body_read(const struct request *request, struct buffer *body, struct fault *reason) {
    static const char proceed[] = "HTTP/1.1 100 Continue\r\n\r\n";
    size_t wanted = request->chunked ? API_BODY_LIMIT + 1 : (size_t)request->content_length;
    char *room = buffer_reserve(body, wanted + 1);
    if (room == NULL)
        return ANSWER_UNAVAILABLE;
    if (request->expects_continue && wanted > 0 && civetweb_bytes_behind_head(request->connection) == 0)
        mg_write(request->connection, proceed, sizeof proceed - 1);
    while (body->length < wanted) {
        int bytes = mg_read(request->connection, room + body->length, wanted - body->length);
        if (bytes == 0 && request->chunked)
            return ANSWER_NONE;
        if (bytes <= 0 && civetweb_patience_is_over())
            return ANSWER_SLOW;
        if (bytes <= 0) {
            fault_set(reason, "the body ended early or is badly chunked");
            return ANSWER_MALFORMED;
        }
        body->length += (size_t)bytes;
    }
    return request->chunked ? body_too_large(reason) : ANSWER_NONE;
}

/* ---- the question ---- */

/* Null if it may be asked, else the reason; `status` of the refusal. */
static const char *question_guard(const struct question_rules *rules, struct request *request,
                                  const struct api_request *asked, int *status, struct fault *reason) {
    *status = 405; /* a preflight of CORS finds nobody who says yes */
    if (strcmp(asked->method, "OPTIONS") == 0)
        return "this path has no such method, use GET or POST";
    if (!rules->guarded)
        return NULL;
    *status = 403;
    if (!guard_origin(request, reason))
        return reason->text;
    *status = 401;
    return api_is_public(asked) || guard_token(request, rules->token, reason) ? NULL : reason->text;
}

int question_answer(struct question_rules *rules, struct mg_connection *connection) {
    struct request request;
    struct fault reason = { .text = "" };
    struct buffer body = { 0 };
    int status;
    enum answer wrong = request_read_head(&request, connection, &reason);
    if (wrong != ANSWER_NONE)
        return refuse_request(rules, connection, wrong, &reason);
    struct api_request asked = { .method = request.info->request_method,
                                 .path = request.info->local_uri_raw,
                                 .query = request.info->query_string };
    const char *why = question_guard(rules, &request, &asked, &status, &reason);
    if (why != NULL)
        return refuse(rules, connection, status, why);
    if (strcmp(asked.method, "POST") == 0) {
        wrong = body_check(&request, &reason);
        if (wrong == ANSWER_NONE)
            wrong = body_read(&request, &body, &reason);
    }
    if (wrong != ANSWER_NONE) {
        buffer_free(&body);
        return refuse_request(rules, connection, wrong, &reason);
    }
    asked.body = (struct bytes){ body.data, body.length };
    struct api_answer answer;
    api_answer(&rules->api, &asked, &answer);
    log_debug(rules->log, "%s: %s %s: %d", rules->door, asked.method, asked.path, answer.status);
    status = answer.status;
    answer_give(connection, &answer);
    answer_free(&answer);
    buffer_free(&body);
    return status;
}

void question_unreadable(struct question_rules *rules, struct mg_connection *connection, int status) {
    struct fault reason = { .text = "" };
    refuse_request(rules, connection, request_unreadable(connection, status, civetweb_patience_is_over()), &reason);
}
