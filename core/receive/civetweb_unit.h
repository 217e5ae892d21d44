/* What the rest of receive may know about civetweb's insides. */
#ifndef RECEIVE_CIVETWEB_UNIT_H
#define RECEIVE_CIVETWEB_UNIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/fault.h"

struct mg_callbacks;
struct mg_connection;
struct mg_context;
struct exchange;
struct intake;
struct porch_connection;

/* Starts a server with `options` (names and values in turn, a null at the end). There may be several in the process,
 * each with threads of its own. Null with the reason. */
struct mg_context *civetweb_start(const struct mg_callbacks *callbacks, void *user_data, const char **options,
                                  struct fault *fault);
/* Ends all threads, whatever they do: those of the intake, once intake->ending is set. Set `stopping`, of the intake or the
 * patience, before, and wait until `listening` is false: civetweb forgets connections that are accepted meanwhile. For a
 * graceful stop of the intake wait for the connections to end, too. */
void civetweb_stop(struct mg_context *context);
/* Appends "127.0.0.1:8080 [::1]:8081". */
void civetweb_addresses(const struct mg_context *context, struct buffer *out);

/* To be called by each new thread of civetweb, from its init_thread callback, so that our hooks know whom they serve: the
 * first two by those of the intake, the last by all of another server. */
void civetweb_thread_is_master(struct mg_context *context, struct intake *intake);
void civetweb_thread_is_worker(struct exchange *exchange);
struct civetweb_patience;
void civetweb_thread_is_patient(struct civetweb_patience *patience, struct mg_context *master); /* null for a worker */

/* How long a server that is not the intake bears a client that is silent or slow: civetweb itself has no deadline for one
 * who drips. */
struct civetweb_patience {
    int threads;
    int64_t ms;              /* for a request, and for the reading of its answer */
    int64_t crowded_ms;      /* the same, while others wait for a thread */
    _Atomic int connections; /* accepted and not yet closed */
    _Atomic bool listening;  /* until soon after `stopping` is set */
    _Atomic bool stopping;
};
/* By a worker: when its connection begins, and when its answer does. */
void civetweb_patience_begins(void);
/* From its connection_closed callback. */
void civetweb_patience_ends(void);
bool civetweb_patience_is_over(void);

/* On the intake's master thread: puts the connection into the queue for its workers. False when that is full. */
bool civetweb_hand_over(struct porch_connection *connection);
/* The one that a worker of the intake was given. */
struct porch_connection *civetweb_parked(const struct mg_connection *connection);
/* From its connection_close callback: civetweb has nothing to do with the socket any more, and does not close it. */
void civetweb_detach(const struct mg_connection *connection);

int civetweb_socket(const struct mg_connection *connection);
/* Bytes that civetweb has of the head that it waits for. */
size_t civetweb_bytes_read(const struct mg_connection *connection);
/* How many requests it has carried since its thread has it. */
int civetweb_requests(const struct mg_connection *connection);
/* "192.0.2.1"; from the connection's beginning on, unlike mg_get_request_info, which needs a request. */
const char *civetweb_remote_address(const struct mg_connection *connection);
/* Will the connection stay open after this request, as far as civetweb and the sender are concerned? */
bool civetweb_keeps_alive(const struct mg_connection *connection);
void civetweb_set_closing(struct mg_connection *connection);
/* Did civetweb understand every byte of the head? It drops what follows a line that it can't read, and headers beyond
 * its limit. */
bool civetweb_head_is_whole(const struct mg_connection *connection);
/* Has the end of the head arrived? */
bool civetweb_head_is_there(const struct mg_connection *connection);
/* Was the head longer than the buffer that civetweb has for it? */
bool civetweb_head_is_too_long(const struct mg_connection *connection);
/* Since the end of the request before this one, or the beginning of the connection. */
int64_t civetweb_waited_ms(const struct mg_connection *connection);
/* Bytes behind the head that have already arrived. */
size_t civetweb_bytes_behind_head(const struct mg_connection *connection);
/* Is there more of the body than has already arrived or been read? */
bool civetweb_body_is_unread(const struct mg_connection *connection);
/* After an answer that ends the connection early: reads and drops what the sender still sends, within limits, as it
 * would otherwise see the connection break before it sees the answer. */
void civetweb_linger(const struct mg_connection *connection);

#endif
