#include "admin/api.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "admin/dead.h"
#include "admin/events.h"
#include "admin/health.h"
#include "admin/letters.h"
#include "admin/metrics.h"
#include "admin/refused.h"
#include "admin/replay.h"
#include "admin/status.h"

struct api_row {
    const char *method;
    const char *path; /* with a slash at its end: whatever stands behind that, which must be something */
    bool is_public;   /* asked without a token */
    void (*function)(const struct api *api, const struct api_request *request, struct api_answer *answer);
};

/* clang-format off */
static const struct api_row rows[] = {
    { "GET", "/healthz", true, health_answer },
    { "GET", "/readyz", true, ready_answer },
    { "GET", "/metrics", false, metrics_answer },
    { "GET", "/api/status", false, status_answer },
    { "GET", "/api/events", false, events_answer },
    { "GET", "/api/events/", false, story_answer },
    { "GET", "/api/dead", false, dead_answer },
    { "GET", "/api/refused", false, refused_answer },
    { "POST", "/api/retry", false, retry_answer },
    { "POST", "/api/discard", false, discard_answer },
    { "POST", "/api/replay", false, replay_answer },
};
/* clang-format on */
enum { ROW_COUNT = sizeof rows / sizeof *rows };

/* Null if the row is not meant. */
static const char *row_rest(const struct api_row *row, const char *path) {
    size_t length = strlen(row->path);
    if (row->path[length - 1] != '/')
        return strcmp(row->path, path) == 0 ? path + length : NULL;
    return strncmp(row->path, path, length) == 0 && path[length] != '\0' ? path + length : NULL;
}

static const struct api_row *row_find(const struct api_request *request, const char **rest) {
    for (int i = 0; i < ROW_COUNT; i++) {
        *rest = row_rest(&rows[i], request->path);
        if (*rest != NULL && strcmp(rows[i].method, request->method) == 0)
            return &rows[i];
    }
    return NULL;
}

bool api_is_public(const struct api_request *request) {
    const char *rest;
    const struct api_row *row = row_find(request, &rest);
    return row != NULL && row->is_public;
}

/* All that the path has, as an Allow header lists them; false if there is no such path. */
static bool allowed_methods(const char *path, char allow[API_ALLOW_SIZE]) {
    size_t length = 0;
    allow[0] = '\0';
    for (int i = 0; i < ROW_COUNT && length < API_ALLOW_SIZE; i++) {
        if (row_rest(&rows[i], path) != NULL)
            length += (size_t)snprintf(allow + length, API_ALLOW_SIZE - length, "%s%s", length > 0 ? ", " : "",
                                       rows[i].method);
    }
    return length > 0;
}

static void answer_not_found(struct api_answer *answer) {
    char list[512] = "";
    size_t length = 0;
    for (int i = 0; i < ROW_COUNT && length < sizeof list; i++)
        length += (size_t)snprintf(list + length, sizeof list - length, "%s%s %s%s", i == 0 ? "" : ", ", rows[i].method,
                                   rows[i].path, rows[i].path[strlen(rows[i].path) - 1] == '/' ? "…" : "");
    api_refuse(answer, 404, "there is nothing at this path; there is: %s", list);
}

void api_answer(const struct api *api, const struct api_request *request, struct api_answer *answer) {
    struct api_request asked = *request;
    const struct api_row *row = row_find(request, &asked.rest);
    *answer = (struct api_answer){ .status = 200, .body = { .limit = API_ANSWER_LIMIT } };
    if (row != NULL)
        row->function(api, &asked, answer);
    else if (allowed_methods(request->path, answer->allow))
        api_refuse(answer, 405, "this path has no such method, use %s", answer->allow);
    else
        answer_not_found(answer);
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
    answer->content_type = NULL;
    buffer_clear(&answer->next);
    buffer_clear(&answer->body);
    buffer_append_text(&answer->body, "{\"error\":");
    buffer_append_json_string(&answer->body, bytes_of(fault.text));
    buffer_append_text(&answer->body, "}");
}
