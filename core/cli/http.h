/* A client of HTTP and HTTPS: libcurl, which is loaded only when it is used, as the daemon is the same executable and stays without it. */
#ifndef CLI_HTTP_H
#define CLI_HTTP_H

#include "base/bytes.h"
#include "base/fault.h"

enum { HTTP_ANSWER_LIMIT = 64 * 1024 };

struct http;

struct http *http_open(struct fault *fault); /* null with the reason */
void http_close(struct http *http);          /* null is allowed */

/* Whom to trust in place of the system's authorities: a file of their certificates, which stays the caller's. Null: the system's. */
void http_trust(struct http *http, const char *authorities);

/* Returns the status, or 0 with the reason; the answer's body replaces what is in `answer`. One that is longer than answer->limit (0:
 * HTTP_ANSWER_LIMIT) is a failure. `headers` are "Name: value\r\n" lines. The connection is kept for the next one. */
long http_post(struct http *http, const char *url, struct bytes headers, struct bytes body, struct buffer *answer,
               struct fault *fault);

#endif
