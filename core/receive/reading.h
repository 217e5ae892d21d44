/* How a thread reads from its sender, and how long it waits for one: it never waits where the porch could. */
#ifndef RECEIVE_READING_H
#define RECEIVE_READING_H

#include <stddef.h>
#include <sys/types.h>

struct exchange;

/* What civetweb calls for recv in a thread of the intake. When the connection is to go back to the porch it fails, with
 * exchange->goes_back set. */
ssize_t reading_recv(struct exchange *exchange, int descriptor, void *data, size_t size);

#endif
