/* The HTTP server: listens on every address of the setup and turns signed requests into events in the store. */
#ifndef RECEIVE_SERVER_H
#define RECEIVE_SERVER_H

#include "base/fault.h"
#include "base/log.h"
#include "config/setup.h"
#include "store/store.h"

struct server;

/* All of it stays the caller's, and must stay until server_stop has returned. */
struct server_options {
    const struct setup *setup;
    struct store *store;       /* started */
    const int *plugin_numbers; /* the store's number of setup->plugins[i] */
    struct log *log;
};

/* Listens and receives from the moment that it returns, in threads of its own: the caller must have blocked all
 * signals in its thread before, since they inherit that. Null with the reason, e.g. `listen 127.0.0.1:8080: Address
 * already in use; …`. */
struct server *server_start(const struct server_options *options, struct fault *fault);

/* Where it listens, with the ports that were chosen for port 0: "127.0.0.1:8080 [::1]:8443". The server's. */
const char *server_addresses(const struct server *server);

/* To be called every few seconds, by one thread: once a minute it logs what was received and refused, if anything was. */
void server_tick(struct server *server);

/* Stops listening, ends idle connections, lets every request in hand get its real answer, and frees the server. The
 * store must still be running. Takes a moment when idle; senders that are in the middle of a request get a few seconds
 * to finish it. */
void server_stop(struct server *server);

#endif
