#include "cli/control.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/http.h"
#include "config/setup.h"
#include "event/json.h"

enum { CONTROL_PATH_SIZE = 64, CONTROL_ANSWER_LIMIT = 16 * 1024 * 1024 };

/* Why there is nobody to ask. */
static bool nobody(const char *state, int error, const char *words, struct fault *fault) {
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
    default:
        return fault_set(fault, "%s/%s: %s", state, SETUP_CONTROL_SOCKET, error ? strerror(error) : words);
    }
}

/* What an answer other than 200 says. */
static bool refused(const char *state, long status, const struct buffer *answer, struct fault *fault) {
    struct json json = { 0 };
    struct buffer words = { 0 };
    struct fault no_json;
    bool said = json_parse(&json, (struct bytes){ answer->data, answer->length }, &no_json) &&
                json_string(&json, json_find(&json, "/error", NULL), &words);
    if (said)
        fault_set(fault, "%s", buffer_text(&words));
    else
        fault_set(fault, "the daemon on %s answered with status %ld, and no reason", state, status);
    buffer_free(&words);
    json_free(&json);
    return false;
}

static bool ask(const char *state, const char *path, struct buffer *answer, struct fault *fault) {
    char socket[CONTROL_PATH_SIZE];
    struct buffer url = { 0 };
    int error = 0;
    long status = 0;
    /* A socket's path is short, a folder's need not be. */
    int folder = open(state, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return nobody(state, errno, "", fault);
    snprintf(socket, sizeof socket, "/proc/self/fd/%d/%s", folder, SETUP_CONTROL_SOCKET);
    buffer_format(&url, "http://grapnel%s", path);
    struct http *http = http_open(fault);
    if (http != NULL) {
        status = http_get_local(http, socket, buffer_text(&url), answer, &error, fault);
        if (status == 0) {
            struct fault why = *fault;
            nobody(state, error, why.text, fault);
        }
        http_close(http);
    }
    buffer_free(&url);
    close(folder);
    return status == 200 || (status != 0 && refused(state, status, answer, fault));
}

bool control_get(const char *config, const char *path, struct buffer *answer, struct fault *fault) {
    char *state = setup_read_state(setup_default_path(config), fault);
    if (state == NULL)
        return false;
    answer->limit = CONTROL_ANSWER_LIMIT;
    bool answered = ask(state, path, answer, fault);
    free(state);
    return answered;
}

void control_parameter(struct buffer *path, const char *name, const char *value) {
    bool first = memchr(path->data, '?', path->length) == NULL;
    buffer_format(path, "%c%s=", first ? '?' : '&', name);
    for (; *value != '\0'; value++)
        buffer_format(path, isalnum((unsigned char)*value) ? "%c" : "%%%02x", (unsigned char)*value);
}
