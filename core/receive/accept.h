/* One request from its head to the store: the first half of an event's way. */
#ifndef RECEIVE_ACCEPT_H
#define RECEIVE_ACCEPT_H

#include "receive/answer.h"
#include "receive/exchange.h"

/* Handles the request that civetweb has read the head of. When it returns, it was answered, or is with the store.
 * Returns the status. */
int accept_request(struct exchange *exchange, struct mg_connection *connection);
/* Answers what civetweb could not make a request of, and ends the connection; `status` is civetweb's opinion. */
void accept_garbage(struct exchange *exchange, struct mg_connection *connection, int status);
/* Answers, on the porch's thread, a connection that no thread had anything to do with; it ends with that. */
void accept_nobody(struct intake *intake, int socket, const char *from, enum answer answer, const char *why);

#endif
