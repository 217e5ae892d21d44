#include "admin/server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "admin/question.h"
#include "admin/token.h"
#include "civetweb.h"
#include "config/setup.h"
#include "receive/civetweb_unit.h"
#include "receive/listen.h"

enum {
    CONTROL_THREADS = 4, /* questions at once */
    CONTROL_QUEUE = 16,  /* connections that wait for a thread; as many more in the kernel's backlog */
    TCP_THREADS = 8,
    TCP_QUEUE = 32,
    TCP_BACKLOG = 256,
    ADMIN_HEAD_LIMIT = 8 * 1024,
    ADMIN_PATIENCE_MS = 5000, /* for a request, and for reading the answer */
    ADMIN_CROWDED_MS = 300,   /* the same while others wait: a few silent clients must not hold all threads */
    ADMIN_STOP_STEP_NS = 1000000,
};

/* One server of civetweb. What crowds before one door is no matter to who comes through another. */
struct door {
    struct question_rules rules;
    struct civetweb_patience patience;
    struct mg_context *civetweb; /* null until it is open */
};

struct admin {
    struct door control, tcp;
    int folder; /* the state folder: a socket's path may have 107 bytes, and through this it never has more */
    char token[TOKEN_SIZE]; /* the one that was made, if it was */
    struct buffer addresses;
    const char *address_text; /* of that: made once, as any thread may read it */
};

/* ---- what civetweb calls; user_data is the struct door ---- */

static struct door *door_of(const struct mg_connection *connection) {
    return mg_get_user_data(mg_get_context(connection));
}

static int question_begins(struct mg_connection *connection) {
    return question_answer(&door_of(connection)->rules, connection);
}

static int question_fails(struct mg_connection *connection, int status, const char *message) {
    (void)message;
    question_unreadable(&door_of(connection)->rules, connection, status);
    return 0;
}

static void *thread_begins(const struct mg_context *context, int kind) {
    struct door *door = mg_get_user_data(context);
    civetweb_thread_is_patient(&door->patience, kind == 0 ? (struct mg_context *)context : NULL);
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
    const struct question_rules *rules = &door_of(connection)->rules;
    log_debug(rules->log, "%s: civetweb: %s", rules->door, message);
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

/* ---- a door ---- */

/* `place` in the words of civetweb's listening_ports; the threads are those of its patience. */
static bool door_open(struct door *door, const char *place, int waiting, int not_accepted, struct fault *fault) {
    char threads[16], queue[16], backlog[16], head[16], patience[16];
    door->patience.ms = ADMIN_PATIENCE_MS;
    door->patience.crowded_ms = ADMIN_CROWDED_MS;
    door->patience.listening = true;
    snprintf(threads, sizeof threads, "%d", door->patience.threads);
    snprintf(queue, sizeof queue, "%d", waiting);
    snprintf(backlog, sizeof backlog, "%d", not_accepted);
    snprintf(head, sizeof head, "%d", ADMIN_HEAD_LIMIT);
    snprintf(patience, sizeof patience, "%d", ADMIN_PATIENCE_MS);
    /* clang-format off */
    const char *options[] = {
        "listening_ports", place,
        "num_threads", threads,
        "connection_queue", queue,
        "listen_backlog", backlog,
        "max_request_size", head,
        "request_timeout_ms", patience,
        "tcp_nodelay", "1",
        "enable_keep_alive", "no",
        "decode_url", "no",
        "access_control_allow_methods", "", /* no answers to CORS preflights behind our back */
        NULL,
    };
    /* clang-format on */
    door->civetweb = civetweb_start(&callbacks, door, options, fault);
    return door->civetweb != NULL;
}

static void door_stop_listening(struct door *door) {
    const struct timespec step = { .tv_nsec = ADMIN_STOP_STEP_NS };
    atomic_store(&door->patience.stopping, door->civetweb != NULL);
    while (door->civetweb != NULL && atomic_load(&door->patience.listening))
        nanosleep(&step, NULL);
}

static void door_tell(struct door *door, bool now) {
    log_limit_tell(door->rules.log, &door->rules.refusal_lines, now, "questions that were refused, over TCP");
}

/* ---- the control socket ---- */

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

static bool control_open(struct admin *admin, const struct admin_options *options, struct fault *fault) {
    char place[64];
    struct fault why = { .text = "" };
    snprintf(place, sizeof place, "x/proc/self/fd/%d/%s", admin->folder,
             SETUP_CONTROL_SOCKET); /* x: civetweb's mark of a file */
    admin->control.patience.threads = CONTROL_THREADS;
    if (admin->folder < 0)
        fault_set(&why, "%s", strerror(errno));
    else if (socket_make_room(admin, &why) && door_open(&admin->control, place, CONTROL_QUEUE, CONTROL_QUEUE, &why))
        return true;
    return fault_set(fault, "%s/%s: %s", options->state, SETUP_CONTROL_SOCKET, why.text);
}

/* ---- TCP ---- */

static bool tcp_token(struct admin *admin, const struct admin_options *options, struct fault *fault) {
    const char *token = options->token;
    if (token == NULL) {
        if (!token_make(options->token_file, admin->token, fault))
            return false;
        log_info(options->log, "admin: made a token for who asks over TCP; it is in %s", options->token_file);
        token = admin->token;
    }
    admin->tcp.rules.token = bytes_of(token);
    return true;
}

static bool tcp_open(struct admin *admin, const struct admin_options *options, struct fault *fault) {
    struct buffer place = { 0 };
    struct fault why = { .text = "" };
    admin->tcp.patience.threads = TCP_THREADS;
    if (!tcp_token(admin, options, fault))
        return false;
    bool open = listen_append(&place, options->listen) &&
                door_open(&admin->tcp, buffer_text(&place), TCP_QUEUE, TCP_BACKLOG, &why);
    buffer_free(&place);
    if (!open)
        return fault_set(fault, "admin: %s", why.text[0] != '\0' ? why.text : "`listen` is not ADDRESS:PORT");
    civetweb_addresses(admin->tcp.civetweb, &admin->addresses);
    admin->address_text = buffer_text(&admin->addresses);
    return true;
}

/* ---- start and stop ---- */

struct admin *admin_start(const struct admin_options *options, struct fault *fault) {
    struct admin *admin = malloc(sizeof *admin);
    if (admin == NULL) {
        fault_set(fault, "not enough memory for the control socket");
        return NULL;
    }
    *admin = (struct admin){
        .control.rules = { .door = "control socket", .api = options->api, .log = options->log },
        .tcp.rules = { .door = "admin", .api = options->api, .log = options->log, .guarded = true },
        .folder = open(options->state, O_PATH | O_DIRECTORY | O_CLOEXEC),
        .address_text = "",
    };
    if (control_open(admin, options, fault) && (options->listen == NULL || tcp_open(admin, options, fault)))
        return admin;
    admin_stop(admin);
    return NULL;
}

const char *admin_addresses(const struct admin *admin) {
    return admin->address_text;
}

void admin_tick(struct admin *admin) {
    door_tell(&admin->tcp, false);
}

void admin_stop(struct admin *admin) {
    if (admin == NULL)
        return;
    door_stop_listening(&admin->control);
    door_stop_listening(&admin->tcp);
    if (admin->control.civetweb != NULL) {
        unlinkat(admin->folder, SETUP_CONTROL_SOCKET, 0);
        civetweb_stop(admin->control.civetweb);
    }
    if (admin->tcp.civetweb != NULL)
        civetweb_stop(admin->tcp.civetweb);
    door_tell(&admin->tcp, true);
    if (admin->folder >= 0)
        close(admin->folder);
    buffer_free(&admin->addresses);
    bytes_wipe(admin->token, sizeof admin->token);
    free(admin);
}
