/* What can be told of a request's head while it still lies in the socket: where it ends, and whether a body comes behind it. Nothing is
 * decided by it but when a thread looks at the request; civetweb and request.c read it then with all their care. */
#ifndef RECEIVE_HEAD_H
#define RECEIVE_HEAD_H

#include <stddef.h>
#include <stdint.h>

enum head_state {
    HEAD_PART,    /* it goes on */
    HEAD_WHOLE,   /* up to *end */
    HEAD_GARBAGE, /* it never will be one: who reads it need not wait for more */
};

/* Looks at what came since the last call: `scanned` bytes of it were looked at before; zero it for a new head. Finds the same end as
 * civetweb does. */
enum head_state head_scan(const char *data, size_t length, size_t *scanned, size_t *end);

/* How many bytes of body follow a whole head, or HEAD_BODY_UNKNOWN: it is chunked, its sender waits for a word before sending it, or the
 * length is no number. */
static const int64_t HEAD_BODY_UNKNOWN = -1;
int64_t head_body(const char *head, size_t length);

#endif
