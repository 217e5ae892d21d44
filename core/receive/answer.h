/* What a sender gets: one row of a table for each outcome of a request, and the bytes of its answer. */
#ifndef RECEIVE_ANSWER_H
#define RECEIVE_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

/* Also the outcome that is counted and logged. */
enum answer {
    ANSWER_ACCEPTED,
    ANSWER_DUPLICATE,
    ANSWER_CONFLICT,  /* a duplicate with another body */
    ANSWER_CHALLENGE, /* no event, but a sender's question whether it came to the right place */
    ANSWER_SIGNATURE,
    ANSWER_TIMESTAMP,
    ANSWER_NOT_JSON,
    ANSWER_NO_EVENT, /* no event id or type where the source has it */
    ANSWER_MALFORMED,
    ANSWER_NOT_FOUND,
    ANSWER_ADDRESS,
    ANSWER_METHOD,
    ANSWER_SLOW,
    ANSWER_BODY_SIZE,
    ANSWER_CONTENT_TYPE,
    ANSWER_EXPECTATION,
    ANSWER_RATE,
    ANSWER_HEAD_SIZE,
    ANSWER_VERSION,
    ANSWER_UNAVAILABLE,
    ANSWER_COUNT,
    ANSWER_NONE = ANSWER_COUNT, /* nothing to refuse so far */
};

struct answer_row {
    int status;
    const char *phrase; /* of the status line */
    const char *name;   /* one word, for counters */
    const char *reason; /* for the log, where nothing more precise is known */
    const char *header; /* header lines of its own, each with its CRLF */
    const char *text;   /* of the body; that of a refusal stands behind `Webhook Error: ` */
};
const struct answer_row *answer_row(enum answer answer);

/* The current second as a Date header wants it. Zero-initialise; one thread at a time. */
struct answer_date {
    int64_t second;
    char text[32];
};
void answer_date_update(struct answer_date *date);

/* A whole answer, head and body. */
enum { ANSWER_TEXT_LIMIT = 256, ANSWER_BYTES_LIMIT = 768 };
struct answer_bytes {
    char bytes[ANSWER_BYTES_LIMIT];
    size_t length;
    size_t date; /* where the 29 characters of the date stand */
};

struct answer_style {
    bool closes;           /* the connection ends after it */
    bool no_body;          /* it answers a HEAD */
    struct bytes text;     /* in place of the row's, its end cut at ANSWER_TEXT_LIMIT bytes; data null for the row's */
    int64_t retry_after_s; /* 0: no more than the row says */
};
/* Makes all but the date. */
void answer_format(struct answer_bytes *bytes, enum answer answer, const struct answer_style *style);

/* Fills in the date and sends it, without ever blocking. False when the sender did not take all of it at once: an
 * answer fits into the socket of everybody who reads, so that one is dead or means harm, and the connection is shut
 * down. */
bool answer_send(int socket, const struct answer_bytes *bytes, struct answer_date *date);
/* The same for bytes that need no date. */
bool answer_send_bytes(int socket, struct bytes bytes);

#endif
