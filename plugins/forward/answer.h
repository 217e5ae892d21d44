/* What the receiver answered, as much of it as is of use. */
#ifndef FORWARD_ANSWER_H
#define FORWARD_ANSWER_H

#include <curl/curl.h>
#include <grapnel/plugin.h>

enum {
    ANSWER_START_SIZE = 1024,
    ANSWER_SHOWN_SIZE = 300,
    ANSWER_BODY_LIMIT = 64 * 1024, /* read to the end, so that the connection can be used again; beyond it is closed */
    ANSWER_HEAD_LIMIT = 64 * 1024
};

struct answer {
    CURLcode result;
    char error[CURL_ERROR_SIZE];
    size_t head_bytes, body_bytes;
    size_t start_length;
    char start[ANSWER_START_SIZE]; /* of the body */
};

/* For CURLOPT_HEADERFUNCTION and CURLOPT_WRITEFUNCTION, with a struct answer. */
size_t answer_take_head(char *data, size_t size, size_t count, void *answer);
size_t answer_take_body(char *data, size_t size, size_t count, void *answer);

/* What became of the event. */
int answer_judge(struct grapnel_call *call, CURL *curl, struct answer *answer, const char *origin);

#endif
