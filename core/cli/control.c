#include "cli/control.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/local_http.h"
#include "cli/print.h"
#include "config/setup.h"
#include "event/json.h"

enum { CONTROL_PATH_SIZE = 64, STATUS_OK = 200, STATUS_BAD_REQUEST = 400 };

struct control {
    char *state;
    struct http *http;
    int folder; /* the state folder: a socket's path is short, a folder's need not be */
    int status; /* of the latest answer; 0: there was none */
};

struct control *control_open(const char *config, struct fault *fault) {
    struct control *control = calloc(1, sizeof *control);
    if (control == NULL) {
        fault_set(fault, "out of memory");
        return NULL;
    }
    control->folder = -1;
    if ((config == NULL && !setup_default_is_there(config, fault)) ||
        !(control->state = setup_read_state(setup_default_path(config), fault))) {
        control_close(control);
        return NULL;
    }
    control->folder = open(control->state, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (control->folder >= 0 || errno == ENOENT || errno == ENOTDIR)
        return control;
    fault_set(fault, "%s: %s; ask as the user that the daemon runs as", control->state, strerror(errno));
    control_close(control);
    return NULL;
}

void control_close(struct control *control) {
    if (control == NULL)
        return;
    if (control->folder >= 0)
        close(control->folder);
    free(control->state);
    free(control);
}

int control_exit_code(const struct control *control) {
    return control != NULL && control->status == STATUS_BAD_REQUEST ? EXIT_USAGE : EXIT_FAILED;
}

/* Why there is nobody to ask. */
static bool nobody(const char *state, int error, struct fault *fault) {
    switch (error) {
    case ENOENT:
    case ENOTDIR:
        return fault_set(fault, "no daemon runs on %s (no control socket is there); start it with `grapnel serve`",
                         state);
    case ECONNREFUSED:
        return fault_set(fault,
                         "no daemon runs on %s (the one that made the control socket is gone); start it with "
                         "`grapnel serve`",
                         state);
    case EACCES:
    case EPERM:
        return fault_set(fault, "%s/%s: %s; ask as the user that the daemon runs as", state, SETUP_CONTROL_SOCKET,
                         strerror(error));
    case EAGAIN:
        return fault_set(fault,
                         "the daemon on %s has so many others to answer at its control socket that there was no turn "
                         "for this one in %d s; try again",
                         state, LOCAL_HTTP_TURN_S);
    default:
        return fault_set(fault, "%s/%s: %s", state, SETUP_CONTROL_SOCKET, strerror(error));
    }
}

/* Why there is no answer. `error` is errno, for who was not connected. */
static bool unanswered(const char *state, enum local_http_end end, int error, size_t limit, struct fault *fault) {
    switch (end) {
    case LOCAL_HTTP_NOT_CONNECTED:
        return nobody(state, error, fault);
    case LOCAL_HTTP_BROKEN_OFF:
        return fault_set(fault, "the daemon on %s ended, or broke off, before its answer was complete; see its log",
                         state);
    case LOCAL_HTTP_TIMED_OUT:
        return fault_set(fault, "the daemon on %s has not answered in %d s: it hangs, or its process is stopped", state,
                         LOCAL_HTTP_ANSWER_S);
    case LOCAL_HTTP_TOO_LONG:
        return fault_set(fault, "the answer of the daemon on %s is longer than %zu bytes; ask for less", state, limit);
    case LOCAL_HTTP_NO_MEMORY:
        return fault_set(fault, "out of memory");
    default:
        return fault_set(fault, "what listens at %s/%s answers in a way that no daemon of Grapnel does", state,
                         SETUP_CONTROL_SOCKET);
    }
}

/* What an answer other than 200 says. */
static bool refused(const struct control *control, const struct buffer *answer, struct fault *fault) {
    struct json json = { 0 };
    struct buffer words = { 0 }, shown = { 0 };
    struct fault no_json;
    bool said = json_parse(&json, (struct bytes){ answer->data, answer->length }, &no_json) &&
                json_string(&json, json_find(&json, "/error", NULL), &words);
    text_escape((struct bytes){ words.data, words.length }, &shown);
    if (said)
        fault_set(fault, "%s", buffer_text(&shown));
    else
        fault_set(fault, "the daemon on %s answered with status %d, and no reason", control->state, control->status);
    buffer_free(&words);
    buffer_free(&shown);
    json_free(&json);
    return false;
}

/* </api/dead?cursor=7>; rel="next" gives what is between the brackets. */
static void link_next(const char *link, struct buffer *next) {
    const char *begin = strchr(link, '<'), *end = begin ? strchr(begin, '>') : NULL;
    buffer_clear(next);
    if (end != NULL && strstr(end, "rel=\"next\"") != NULL && begin[1] == '/')
        buffer_append(next, begin + 1, (size_t)(end - begin - 1));
}

static bool ask(struct control *control, const char *path, const struct bytes *body, struct buffer *answer,
                struct buffer *next, struct fault *fault) {
    char socket[CONTROL_PATH_SIZE];
    struct buffer link = { 0 };
    struct local_http question = { .socket = socket, .path = path, .body = body, .answer = answer, .link = &link };
    enum local_http_end end = LOCAL_HTTP_NOT_CONNECTED;
    int error = ENOENT, status = 0;
    control->status = 0;
    if (answer->limit == 0)
        answer->limit = CONTROL_ANSWER_LIMIT;
    snprintf(socket, sizeof socket, "/proc/self/fd/%d/%s", control->folder, SETUP_CONTROL_SOCKET);
    if (control->folder >= 0) {
        end = local_http_ask(&question, &status);
        error = errno;
    }
    if (next != NULL)
        link_next(buffer_text(&link), next);
    buffer_free(&link);
    if (end != LOCAL_HTTP_ANSWERED)
        return unanswered(control->state, end, error, answer->limit, fault);
    control->status = status;
    return status == STATUS_OK || refused(control, answer, fault);
}

bool control_get(struct control *control, const char *path, struct buffer *answer, struct buffer *next,
                 struct fault *fault) {
    return ask(control, path, NULL, answer, next, fault);
}

bool control_post(struct control *control, const char *path, struct bytes body, struct buffer *answer,
                  struct fault *fault) {
    return ask(control, path, &body, answer, NULL, fault);
}

void control_parameter(struct buffer *path, const char *name, const char *value) {
    if (value == NULL)
        return;
    bool first = memchr(path->data, '?', path->length) == NULL;
    buffer_format(path, "%c%s=", first ? '?' : '&', name);
    buffer_append_percent_encoded(path, bytes_of(value));
}

bool control_parameter_of(const char *path, const char *name, struct buffer *value) {
    size_t length = strlen(name);
    for (const char *at = strchr(path, '?'); at != NULL; at = strchr(at + 1, '&')) {
        if (strncmp(at + 1, name, length) != 0 || at[1 + length] != '=')
            continue;
        char decoded[CONTROL_TEXT_LIMIT];
        const char *encoded = at + length + 2;
        long count = percent_decode((struct bytes){ encoded, strcspn(encoded, "&") }, true, decoded, sizeof decoded);
        return count >= 0 && buffer_append(value, decoded, (size_t)count);
    }
    return false;
}
