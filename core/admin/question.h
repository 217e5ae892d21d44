/* One question: who asks, what, and the answer. Called by civetweb on the threads of one door of server.h. */
#ifndef ADMIN_QUESTION_H
#define ADMIN_QUESTION_H

#include <stdbool.h>

#include "admin/api.h"
#include "base/log.h"

struct mg_connection;

/* What all questions that come through one door have in common. */
struct question_rules {
    const char *door; /* for the log: "control socket" or "admin" */
    struct api api;
    struct log *log;
    bool guarded;       /* whoever asks is a stranger until the token was shown */
    struct bytes token; /* of a guarded door */
    struct log_limit refusal_lines;
};

/* For civetweb's begin_request and http_error. The first returns the status. */
int question_answer(struct question_rules *rules, struct mg_connection *connection);
void question_unreadable(struct question_rules *rules, struct mg_connection *connection, int status);

#endif
