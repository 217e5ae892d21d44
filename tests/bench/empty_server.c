/* The yardstick: civetweb, compiled from the very source and with the very options that Grapnel uses, with a handler that does nothing
 * but answer what Grapnel answers. What Grapnel does beyond that is the distance between the two. */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "civetweb.h"
#include "receive/answer.h"
#include "receive/civetweb_unit.h"

struct empty_server {
    struct civetweb_patience patience; /* what the hooks around civetweb's system calls want to know; it never ends */
    struct answer_bytes answer;
};

static void *thread_begins(const struct mg_context *context, int kind) {
    struct empty_server *server = mg_get_user_data(context);
    if (kind == 0) {
        civetweb_thread_is_patient(&server->patience, (struct mg_context *)context);
        return NULL;
    }
    return calloc(1, sizeof(struct answer_date));
}

static void thread_ends(const struct mg_context *context, int kind, void *thread) {
    (void)context, (void)kind;
    free(thread);
}

static int handle(struct mg_connection *connection, void *argument) {
    const struct empty_server *server = argument;
    struct answer_date *date = mg_get_thread_pointer(connection);
    char sent[ANSWER_BYTES_LIMIT];
    memcpy(sent, server->answer.bytes, server->answer.length);
    answer_date_update(date);
    memcpy(sent + server->answer.date, date->text, strlen(date->text));
    mg_write(connection, sent, server->answer.length);
    return answer_row(ANSWER_ACCEPTED)->status;
}

int main(int count, char **arguments) {
    if (count != 3) {
        fprintf(stderr, "usage: %s ADDRESS:PORT THREADS\n", arguments[0]);
        return 2;
    }
    struct empty_server server = { 0 };
    atomic_init(&server.patience.listening, true);
    struct answer_style style = { .closes = false };
    answer_format(&server.answer, ANSWER_ACCEPTED, &style);

    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    sigprocmask(SIG_BLOCK, &ends, NULL); /* inherited by civetweb's threads, so that only sigwait below sees them */

    /* As in core/receive/server.c, a name and its value on each line. */
    /* clang-format off */
    const char *options[] = {
        "listening_ports", arguments[1],
        "num_threads", arguments[2],
        "connection_queue", "128",
        "listen_backlog", "1024",
        "max_request_size", "16384",
        "request_timeout_ms", "10000",
        "enable_keep_alive", "yes",
        "keep_alive_timeout_ms", "5000",
        "tcp_nodelay", "1",
        "decode_url", "no",
        "access_control_allow_methods", "",
        NULL,
    };
    /* clang-format on */
    struct mg_callbacks callbacks = { .init_thread = thread_begins, .exit_thread = thread_ends };
    struct fault fault;
    struct mg_context *context = civetweb_start(&callbacks, &server, options, &fault);
    if (context == NULL) {
        fprintf(stderr, "%s\n", fault.text);
        return 1;
    }
    mg_set_request_handler(context, "/webhook", handle, &server);

    struct buffer addresses = { 0 };
    civetweb_addresses(context, &addresses);
    printf("ready %s\n", buffer_text(&addresses));
    fflush(stdout);
    buffer_free(&addresses);

    int signal_number;
    sigwait(&ends, &signal_number);
    civetweb_stop(context);
    return 0;
}
