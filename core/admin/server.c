#include "admin/server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "civetweb.h"
#include "config/setup.h"
#include "receive/civetweb_unit.h"
#include "receive/request.h"

enum {
    ADMIN_THREADS = 4, /* questions at once */
    ADMIN_QUEUE = 16,  /* connections that wait for a thread; as many more in the kernel's backlog */
    ADMIN_HEAD_LIMIT = 8 * 1024,
    ADMIN_PATIENCE_MS = 5000, /* for a request, and for reading the answer */
    ADMIN_CROWDED_MS = 300,   /* the same while others wait: a few silent clients must not hold all threads */
    ADMIN_STOP_STEP_NS = 1000000,
    ADMIN_PORT_SIZE = 64,
};

struct admin {
    struct admin_options options;
    struct civetweb_patience patience;
    struct mg_context *civetweb;
    int folder; /* the state folder: a socket's path may have 107 bytes, and through this it never has more */
};

static struct admin *admin_of(const struct mg_connection *connection) {
    return mg_get_user_data(mg_get_context(connection));
}

/* ---- one question; each connection carries one ---- */

/* A client that does not take its answer in time, or is gone, has none: that is its own affair. */
static void answer_send_json(struct mg_connection *connection, const struct api_answer *answer) {
    const struct mg_request_info *info = mg_get_request_info(connection);
    bool no_body = info->request_method != NULL && strcmp(info->request_method, "HEAD") == 0;
    struct answer_date date = { 0 };
    answer_date_update(&date);
    civetweb_patience_begins();
    mg_printf(connection,
              "HTTP/1.1 %d %s\r\nDate: %s\r\n%s%s%sContent-Type: application/json\r\nContent-Length: %zu\r\n"
              "Cache-Control: no-store\r\nConnection: close\r\n\r\n",
              answer->status, mg_get_response_code_text(connection, answer->status), date.text,
              answer->allow[0] ? "Allow: " : "", answer->allow, answer->allow[0] ? "\r\n" : "", answer->body.length);
    if (!no_body)
        mg_write(connection, answer->body.data, answer->body.length);
    civetweb_set_closing(connection);
    if (civetweb_body_is_unread(connection))
        civetweb_linger(connection);
}

/* What is wrong below the level of the API, in the words that senders' mistakes have too. */
static void refuse(struct mg_connection *connection, enum answer wrong, const struct fault *reason) {
    struct api_answer answer = { 0 };
    const struct answer_row *row = answer_row(wrong);
    api_refuse(&answer, row->status, "%s", reason->text[0] != '\0' ? reason->text : row->reason);
    answer_send_json(connection, &answer);
    buffer_free(&answer.body);
}

static int question_begins(struct mg_connection *connection) {
    struct admin *admin = admin_of(connection);
    struct request request;
    struct fault reason = { .text = "" };
    enum answer wrong = request_read_head(&request, connection, &reason);
    if (wrong != ANSWER_NONE) {
        refuse(connection, wrong, &reason);
        return answer_row(wrong)->status;
    }
    struct api_request asked = { .method = request.info->request_method,
                                 .path = request.info->local_uri_raw,
                                 .query = request.info->query_string };
    struct api_answer answer;
    api_answer(&admin->options.api, &asked, &answer);
    log_debug(admin->options.log, "control socket: %s %s: %d", asked.method, asked.path, answer.status);
    answer_send_json(connection, &answer);
    buffer_free(&answer.body);
    return answer.status;
}

static int question_fails(struct mg_connection *connection, int status, const char *message) {
    struct fault reason = { .text = "" };
    (void)message;
    refuse(connection, request_unreadable(connection, status, civetweb_patience_is_over()), &reason);
    return 0;
}

/* ---- threads and connections ---- */

static void *thread_begins(const struct mg_context *context, int kind) {
    struct admin *admin = mg_get_user_data(context);
    civetweb_thread_is_patient(&admin->patience, kind == 0 ? (struct mg_context *)context : NULL);
    return NULL;
}

static int connection_begins(const struct mg_connection *connection, void **data) {
    (void)connection;
    (void)data;
    civetweb_patience_begins();
    return 0;
}

static void connection_ended(const struct mg_connection *connection) {
    (void)connection;
    civetweb_patience_ends();
}

static int civetweb_says(const struct mg_connection *connection, const char *message) {
    log_debug(admin_of(connection)->options.log, "control socket: civetweb: %s", message);
    return 1;
}

static const struct mg_callbacks callbacks = {
    .init_thread = thread_begins,
    .init_connection = connection_begins,
    .begin_request = question_begins,
    .http_error = question_fails,
    .connection_closed = connection_ended,
    .log_message = civetweb_says,
};

/* ---- start and stop ---- */

/* The folder's lock is ours, so whoever made a socket there is dead. What is no socket is nobody's to remove. */
static bool socket_make_room(const struct admin *admin, struct fault *fault) {
    struct stat found;
    if (fstatat(admin->folder, SETUP_CONTROL_SOCKET, &found, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT)
            return true;
    } else if (!S_ISSOCK(found.st_mode)) {
        return fault_set(fault, "it is in the way of the control socket, and is no socket; move it elsewhere");
    } else if (unlinkat(admin->folder, SETUP_CONTROL_SOCKET, 0) == 0) {
        return true;
    }
    return fault_set(fault, "%s", strerror(errno));
}

static bool socket_listen(struct admin *admin, struct fault *fault) {
    char port[ADMIN_PORT_SIZE], threads[16], queue[16], head[16], patience[16];
    snprintf(port, sizeof port, "x/proc/self/fd/%d/%s", admin->folder,
             SETUP_CONTROL_SOCKET); /* x: civetweb's mark of a file */
    snprintf(threads, sizeof threads, "%d", ADMIN_THREADS);
    snprintf(queue, sizeof queue, "%d", ADMIN_QUEUE);
    snprintf(head, sizeof head, "%d", ADMIN_HEAD_LIMIT);
    snprintf(patience, sizeof patience, "%d", ADMIN_PATIENCE_MS);
    /* clang-format off */
    const char *options[] = {
        "listening_ports", port,
        "num_threads", threads,
        "connection_queue", queue,
        "listen_backlog", queue,
        "max_request_size", head,
        "request_timeout_ms", patience,
        "enable_keep_alive", "no",
        "decode_url", "no",
        "access_control_allow_methods", "", /* no answers to CORS preflights behind our back */
        NULL,
    };
    /* clang-format on */
    admin->civetweb = civetweb_start(&callbacks, admin, options, fault);
    return admin->civetweb != NULL;
}

struct admin *admin_start(const struct admin_options *options, struct fault *fault) {
    struct fault why = { .text = "" };
    struct admin *admin = malloc(sizeof *admin);
    if (admin == NULL) {
        fault_set(fault, "not enough memory for the control socket");
        return NULL;
    }
    *admin = (struct admin){
        .options = *options,
        .patience = { .threads = ADMIN_THREADS,
                      .ms = ADMIN_PATIENCE_MS,
                      .crowded_ms = ADMIN_CROWDED_MS,
                      .listening = true },
        .folder = open(options->state, O_PATH | O_DIRECTORY | O_CLOEXEC),
    };
    if (admin->folder < 0)
        fault_set(&why, "%s", strerror(errno));
    else if (socket_make_room(admin, &why) && socket_listen(admin, &why))
        return admin;
    fault_set(fault, "%s/%s: %s", options->state, SETUP_CONTROL_SOCKET, why.text);
    admin_stop(admin);
    return NULL;
}

void admin_stop(struct admin *admin) {
    const struct timespec step = { .tv_nsec = ADMIN_STOP_STEP_NS };
    if (admin == NULL)
        return;
    if (admin->civetweb != NULL) {
        atomic_store(&admin->patience.stopping, true);
        while (atomic_load(&admin->patience.listening))
            nanosleep(&step, NULL);
        unlinkat(admin->folder, SETUP_CONTROL_SOCKET, 0);
        civetweb_stop(admin->civetweb);
    }
    if (admin->folder >= 0)
        close(admin->folder);
    free(admin);
}
