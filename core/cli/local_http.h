/* HTTP over a socket in the file system, as the daemon's control socket speaks it: one question and one answer a connection, the answer with
 * its length. Without libcurl, which can't wait for a turn where many do. */
#ifndef CLI_LOCAL_HTTP_H
#define CLI_LOCAL_HTTP_H

#include "base/bytes.h"

enum {
    LOCAL_HTTP_HEAD_LIMIT = 64 * 1024,
    LOCAL_HTTP_TURN_S = 10,  /* for a turn at a crowded socket */
    LOCAL_HTTP_ANSWER_S = 30 /* for the whole answer */
};

struct local_http {
    const char *socket;       /* its path, which must fit into a struct sockaddr_un */
    const char *path;         /* what is asked for, with its query */
    const struct bytes *body; /* JSON to post; null: GET */
    struct buffer *answer;    /* its body replaces what is in it, up to its limit */
    struct buffer *link;      /* so does the value of its Link header; empty: there is none */
};

enum local_http_end {
    LOCAL_HTTP_ANSWERED,
    LOCAL_HTTP_NOT_CONNECTED, /* errno says why; EAGAIN: there was no turn */
    LOCAL_HTTP_BROKEN_OFF,    /* before the answer was whole */
    LOCAL_HTTP_TIMED_OUT,
    LOCAL_HTTP_TOO_LONG,
    LOCAL_HTTP_GARBAGE, /* that is no answer of a daemon's */
    LOCAL_HTTP_NO_MEMORY
};
/* `status` of the answer, if there is one. */
enum local_http_end local_http_ask(const struct local_http *question, int *status);

#endif
