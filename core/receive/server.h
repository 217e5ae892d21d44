/* The HTTP server: listens on every address of the setup and turns signed requests into events in the store. */
#ifndef RECEIVE_SERVER_H
#define RECEIVE_SERVER_H

#include "base/fault.h"
#include "base/histogram.h"
#include "base/log.h"
#include "config/setup.h"
#include "receive/answer.h"
#include "store/store.h"

struct server;

/* All of it stays the caller's, and must stay until server_stop has returned; the setup until server_free. */
struct server_options {
    const struct setup *setup;
    struct store *store;       /* started */
    const int *plugin_numbers; /* the store's number of setup->plugins[i] */
    struct log *log;
    struct refusals *refusals; /* where refusals are noted; may be null */
};

/* Listens and receives from the moment that it returns, in threads of its own: the caller must have blocked all
 * signals in its thread before, since they inherit that. Null with the reason, e.g. `listen 127.0.0.1:8080: Address
 * already in use; …`. */
struct server *server_start(const struct server_options *options, struct fault *fault);

/* Where it listens, with the ports that were chosen for port 0: "127.0.0.1:8080 [::1]:8443". The server's. */
const char *server_addresses(const struct server *server);

/* To be called every few seconds, by one thread: once a minute it logs what was received and refused, if anything was. */
void server_tick(struct server *server);

/* How it ends, without ever blocking for long; the store must still be running.
 * Stops listening, ends idle connections, and lets every request in hand get its real answer. */
void server_drain(struct server *server);
/* Have they all? Senders that are in the middle of a request get a few seconds to finish it; then this is true anyway. */
bool server_is_drained(const struct server *server);
/* Ends what is left. What is with the store still gets its answer. */
void server_stop(struct server *server);
void server_free(struct server *server); /* a stopped one; null is allowed */

/* --- how it is doing; any thread, from server_start to server_free --- */

bool server_is_listening(const struct server *server); /* until server_drain */
/* Requests that were answered so, since the start. `source` is an index of the setup, or source_count for those that came to none. */
uint64_t server_count(const struct server *server, int source, enum answer answer);
/* How long each of them took, in microseconds: from its head being read to its answer being handed to the socket. */
const struct histogram *server_request_times(const struct server *server);
extern const struct histogram_scale server_request_scale;

#endif
