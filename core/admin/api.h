/* What can be asked of a running daemon, whoever carries the question: a table of rows, each answering a request into a buffer. */
#ifndef ADMIN_API_H
#define ADMIN_API_H

#include "base/bytes.h"
#include "base/fault.h"

struct dispatch;
struct log;
struct refusals;
struct server;
struct setup;
struct store;

/* What the rows answer from; all of it stays its maker's, and must stay as long as requests are answered. */
struct api {
    struct log *log;
    const struct setup *setup;
    const int *plugin_numbers; /* the store's, of setup->plugins[i] */
    struct store *store;
    struct dispatch *dispatch;
    struct server *server;
    struct refusals *refusals;
    int64_t started_ms;        /* wall time of the daemon's start */
    int64_t order_patience_ms; /* how long an order is waited for; 0: ORDER_PATIENCE_MS */
};

struct api_request {
    const char *method, *path; /* the path as it was sent, up to the question mark */
    const char *query;         /* what stands behind that, still encoded; null if nothing */
    struct bytes body;         /* of a POST: JSON, at most API_BODY_LIMIT bytes */
    const char *rest; /* api_answer's, for the function of the row: what stands behind the row's path, still encoded */
};
enum { API_BODY_LIMIT = 64 * 1024 };

enum { API_ALLOW_SIZE = 64 };
struct api_answer {
    int status;
    char allow[API_ALLOW_SIZE]; /* the methods that the path has, if it was another one; else "" */
    const char *content_type;   /* null: application/json */
    struct buffer next; /* path and query of the next page, which becomes a Link header; empty if there is none */
    struct buffer body; /* the caller frees both */
};

enum { API_ANSWER_LIMIT = 4 * 1024 * 1024 };

/* Fills the answer, whatever was asked. From any thread. */
void api_answer(const struct api *api, const struct api_request *request, struct api_answer *answer);

/* May it be asked by who has no token? The health checks of a balancer have none. */
bool api_is_public(const struct api_request *request);

/* An answer {"error":"…"}; what went wrong before there was anything to look up in the table, too. */
__attribute__((format(printf, 3, 4))) void api_refuse(struct api_answer *answer, int status, const char *format, ...);

#endif
