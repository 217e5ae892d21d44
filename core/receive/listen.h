/* Addresses as the config has them, in the words of civetweb. */
#ifndef RECEIVE_LISTEN_H
#define RECEIVE_LISTEN_H

#include <stdbool.h>

#include "base/bytes.h"

/* Appends "127.0.0.1:8080", "[::1]:8080", "localhost:8080" or ":8080" (all addresses of both families) to civetweb's list of
 * listening_ports. False if it is none of them. */
bool listen_append(struct buffer *list, const char *address);

#endif
