/* Requests that are made and signed before the load begins, so that the load generator only has to hand them out. requests.lua calls
 * these through LuaJIT's foreign functions, and repeats their declarations. */
#ifndef BENCH_REQUESTS_H
#define BENCH_REQUESTS_H

#include <stddef.h>
#include <stdint.h>

/* The requests of one thread of the load generator. */
struct requests;

struct requests_options {
    const char *host;   /* of the Host header */
    const char *secret; /* of the cryptopay scheme */
    const char *prefix; /* of the event ids; 8 hexadecimal digits follow. Another one for each thread and round. */
    uint32_t count;
    double seconds;  /* counted from the first request: when they are over, there are no more */
    int connections; /* of this thread */
    int *running;    /* how many threads still have requests: shared by all of them, and longer-lived */
};

/* Null when memory is short or an option is too long. Signed as of now: to be used within the tolerance of the receiver. */
struct requests *requests_make(const struct requests_options *options);
void requests_free(struct requests *requests);

/* All requests have the same length. */
size_t requests_length(const struct requests *requests);
/* The first one, without using it up. */
const char *requests_peek(struct requests *requests);
/* For a connection that has had the answer to its last one. Null when all are used up or the time is over; valid until
 * the next call. As soon as every connection of every thread has heard that, all answers are in, and wrk gets the
 * SIGINT that makes it stop and report. */
const char *requests_next(struct requests *requests);

uint32_t requests_used(const struct requests *requests);
/* Of the first and latest request that was handed out: CLOCK_MONOTONIC, in nanoseconds; 0 before the first. */
int64_t requests_first_ns(const struct requests *requests);
int64_t requests_last_ns(const struct requests *requests);

#endif
