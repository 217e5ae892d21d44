/* POSTs over HTTP or HTTPS with libcurl, which is loaded only when it is used: the daemon is the same executable and stays without it. */
#ifndef CLI_HTTP_POST_H
#define CLI_HTTP_POST_H

#include "base/bytes.h"
#include "base/fault.h"

enum { HTTP_ANSWER_LIMIT = 64 * 1024 };

struct http_post;

struct http_post *http_post_open(struct fault *fault); /* null with the reason */
void http_post_close(struct http_post *post);

/* `headers` are "Name: value\r\n" lines. Returns the status, or 0 with the reason; the answer's body replaces what is in `answer`. The
 * connection is kept for the next one. */
long http_post(struct http_post *post, const char *url, struct bytes headers, struct bytes body, struct buffer *answer,
               struct fault *fault);

#endif
