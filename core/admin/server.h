/* Carries questions to api.h and their answers back, over HTTP: a second server of civetweb, beside the one for senders and with threads
 * of its own, so that it answers however busy that one is. It listens on STATE/control.sock, which only the daemon's own user can open:
 * whoever can do that could read the store as well, so nothing more is asked. */
#ifndef ADMIN_SERVER_H
#define ADMIN_SERVER_H

#include "admin/api.h"
#include "base/fault.h"
#include "base/log.h"

struct admin;

/* All of it stays the caller's, and must stay until admin_stop has returned. */
struct admin_options {
    const char *state; /* the state folder, whose lock the caller has: a socket that is left in it is a dead daemon's */
    struct api api;
    struct log *log;
};

/* Answers from the moment that it returns, in threads of its own: the caller must have blocked all signals in its thread before.
 * Null with the reason. */
struct admin *admin_start(const struct admin_options *options, struct fault *fault);

/* Removes the socket and frees all. Questions in hand may go without an answer. Null is allowed. */
void admin_stop(struct admin *admin);

#endif
