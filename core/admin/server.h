/* Carries questions to api.h and their answers back, over HTTP, through one door or two. Each is a server of civetweb beside the one for
 * senders, with threads of its own, so that it answers however busy the others are:
 *   - STATE/control.sock, which only the daemon's own user can open. Whoever can do that could read the store as well, so
 *     nothing more is asked;
 *   - the TCP address of `admin: listen`, if there is one, for Prometheus and browsers: guard.h says who is let in. */
#ifndef ADMIN_SERVER_H
#define ADMIN_SERVER_H

#include "admin/api.h"
#include "base/fault.h"
#include "base/log.h"

struct admin;

/* All of it stays the caller's, and must stay until admin_stop has returned. */
struct admin_options {
    const char *state; /* the state folder, whose lock the caller has: a socket that is left in it is a dead daemon's */
    const char *listen; /* the TCP address; null for none */
    const char *token;  /* what opens it; null: one is made, with the file */
    const char *token_file;
    struct api api;
    struct log *log;
};

/* Answers from the moment that it returns, in threads of its own: the caller must have blocked all signals in its thread before.
 * Null with the reason. */
struct admin *admin_start(const struct admin_options *options, struct fault *fault);

/* Where it listens over TCP, with the port that was chosen for port 0: "127.0.0.1:9180"; "" if it does not. The admin's. */
const char *admin_addresses(const struct admin *admin);

/* To be called every few seconds, by one thread: tells how many refusals the limit of the log left out. */
void admin_tick(struct admin *admin);

/* Removes the socket and frees all. Questions in hand may go without an answer. Null is allowed. */
void admin_stop(struct admin *admin);

#endif
