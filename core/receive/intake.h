/* What all threads of the server share: where events go, and the counts of what came. */
#ifndef RECEIVE_INTAKE_H
#define RECEIVE_INTAKE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/histogram.h"
#include "base/log.h"
#include "receive/answer.h"
#include "receive/guard.h"
#include "receive/refusals.h"
#include "receive/server.h"

/* For each source, and once more for requests that came to none. */
struct intake_source {
    struct bytes name;
    _Atomic uint64_t results[ANSWER_COUNT];
    _Atomic uint64_t unrouted; /* of the accepted ones */
    /* Requests that each of the source's secrets has signed, in time; not all of them are events. */
    _Atomic uint64_t secrets[SIGNATURE_SECRET_LIMIT];
    struct guard_bucket bucket;                                  /* of its rate */
    struct log_limit refusal_lines, unrouted_lines, doubt_lines; /* doubt: duplicates that are not quite the same */
};

enum {
    INTAKE_STORE_RESULTS = STORE_UNAVAILABLE + 1,
    /* Between two requests, in the porch: longer than the pauses of a sender that has something to say now and then. */
    INTAKE_KEEP_ALIVE_MS = 60 * 1000,
    /* How long a thread waits for the next request of its connection, in steps of PORCH_STEP_MS, while nobody waits for a thread. */
    INTAKE_LINGER_STEPS = 5,
    /* After how many requests a connection goes to the end of those that wait for a thread, if there are any. */
    INTAKE_TURN_REQUESTS = 16,
    /* How long a thread waits for a body, if others have bodies to be waited for and no thread. */
    INTAKE_CROWDED_MS = 2000,
    /* How long a request waits for a thread. Its sender can do better with a 503 than with silence. */
    INTAKE_READY_MS = 5000,
};

struct intake {
    struct server_options options;
    struct porch *porch;           /* owns the connections */
    struct intake_source *sources; /* setup->source_count + 1 of them; the last is for requests without a source */
    /* The answers of the hot path: by enum store_result, and whether the connection ends. */
    struct answer_bytes answers[INTAKE_STORE_RESULTS][2];
    struct log_limit connection_lines; /* of what goes wrong below HTTP */
    _Atomic uint64_t unsent;           /* answers that their sender did not take */
    _Atomic bool listening;
    _Atomic bool stopping; /* no new connection; idle ones end, others after their answer */
    _Atomic bool ending;   /* those that are still arriving end too */
    char apart
        [64]; /* each answer writes to what follows, and that cache line is not to be the one which all threads read */
    struct histogram request_us; /* see server_request_times */
};

static inline int intake_no_source(const struct intake *intake) {
    return intake->options.setup->source_count;
}

/* Keeps a refusal for who asks for the last ones. `via`: the proxy, or "". */
static inline void intake_refused(struct intake *intake, int source, enum answer answer, const char *from,
                                  const char *via, const char *why) {
    if (intake->options.refusals != NULL)
        refusals_note(intake->options.refusals, source, answer, from, via, why);
}

static inline void intake_count(struct intake *intake, int source, enum answer answer) {
    atomic_fetch_add_explicit(&intake->sources[source].results[answer], 1, memory_order_relaxed);
}

static inline void intake_time(struct intake *intake, int64_t duration_us) {
    histogram_add(&intake->request_us, &server_request_scale, duration_us);
}

#endif
