#include "admin/api.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "admin/refused.h"
#include "civetweb.h"

struct api_row {
    const char *method, *path;
    const char *what; /* for the person who asked for something that is not there */
    void (*function)(const struct api *api, const struct api_request *request, struct api_answer *answer);
};

static const struct api_row rows[] = {
    { "GET", "/api/refused", "the last refusals of the running daemon; ?source=NAME for those of one source",
      refused_answer },
};
enum { ROW_COUNT = sizeof rows / sizeof *rows };

static const struct api_row *row_find(const struct api_request *request, const char **allow) {
    *allow = NULL;
    for (int i = 0; i < ROW_COUNT; i++) {
        if (strcmp(rows[i].path, request->path) != 0)
            continue;
        if (strcmp(rows[i].method, request->method) == 0)
            return &rows[i];
        *allow = rows[i].method;
    }
    return NULL;
}

static void answer_not_found(struct api_answer *answer) {
    char list[2048] = "";
    size_t length = 0;
    for (int i = 0; i < ROW_COUNT && length < sizeof list; i++)
        length += (size_t)snprintf(list + length, sizeof list - length, "%s%s %s (%s)", i == 0 ? "" : "; ",
                                   rows[i].method, rows[i].path, rows[i].what);
    api_refuse(answer, 404, "there is nothing at this path; there is: %s", list);
}

void api_answer(const struct api *api, const struct api_request *request, struct api_answer *answer) {
    const char *allow = NULL;
    const struct api_row *row = row_find(request, &allow);
    *answer = (struct api_answer){ .status = 200, .body = { .limit = API_ANSWER_LIMIT } };
    if (row != NULL)
        row->function(api, request, answer);
    else if (allow == NULL)
        answer_not_found(answer);
    else
        api_refuse(answer, 405, "this path has no such method, use %s", allow);
    answer->allow = allow;
    if (answer->body.failed)
        api_refuse(answer, 500, "the answer is over %d bytes, or memory is short; ask for less", API_ANSWER_LIMIT);
}

void api_refuse(struct api_answer *answer, int status, const char *format, ...) {
    struct fault fault;
    va_list list;
    va_start(list, format);
    vsnprintf(fault.text, sizeof fault.text, format, list);
    va_end(list);
    answer->status = status;
    buffer_clear(&answer->body);
    buffer_append_text(&answer->body, "{\"error\":");
    api_append_text(&answer->body, fault.text);
    buffer_append_text(&answer->body, "}");
}

bool api_parameter(const struct api_request *request, const char *name, char value[API_PARAMETER_SIZE]) {
    if (request->query == NULL)
        return false;
    int length = mg_get_var(request->query, strlen(request->query), name, value, API_PARAMETER_SIZE);
    return length != -1; /* -2: it is too long, and was cut */
}

void api_append_text(struct buffer *body, const char *text) {
    if (text == NULL) {
        buffer_append_text(body, "null");
        return;
    }
    buffer_append_text(body, "\"");
    buffer_append_json_escaped(body, bytes_of(text));
    buffer_append_text(body, "\"");
}
