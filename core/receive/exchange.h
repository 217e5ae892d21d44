/* One civetweb thread's conversation with a sender: the request that it reads, and the one that is with the store.
 *
 * A thread does not sleep until its event is on disk: that costs more than the store itself. It hands the event over
 * and goes back to its connection; the store's writer thread sends the answer after the commit. So two threads have to
 * do with one exchange, and these rules keep them apart:
 *   - at most one request of a connection is with the store; whoever wants to begin the next, write to the connection
 *     or close it waits for that one first (exchange_wait);
 *   - from exchange_submit until then the fields under "The writer's" belong to the writer thread; the thread goes on to
 *     use the others, e.g. to see how long it may wait for the next request. `state` is for both. */
#ifndef RECEIVE_EXCHANGE_H
#define RECEIVE_EXCHANGE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "config/setup.h"
#include "event/json.h"
#include "receive/answer.h"
#include "receive/guard.h"
#include "store/store.h"

struct intake;
struct mg_connection;
struct porch_connection;

enum exchange_state {
    EXCHANGE_IDLE,
    EXCHANGE_SUBMITTED,
    EXCHANGE_AWAITED /* submitted, and its thread sleeps until it is answered */
};

/* Made by server_start, one for each thread, freed after all threads have ended. */
struct exchange {
    struct intake *intake;

    /* The thread's. */
    struct mg_connection *connection; /* being served; null between connections */
    struct porch_connection *parked;  /* the same, as the porch knows it */
    size_t carried_used;              /* of what the porch gave with it */
    struct buffer unread;             /* what goes back to the porch with it */
    bool goes_back,
        lingers; /* what is to become of it: it waits for its next request, or ends with its answer; else it is closed */
    bool crowded_out;    /* its body came too slowly for the others */
    int64_t deadline_ms; /* monotonic: when the body of the request in hand must have arrived; 0 while there is none */
    struct buffer body, headers, id, type, challenge;
    struct json json;
    int64_t retry_after_s; /* when a request that is refused may come again; 0: not said */

    /* The writer's, from exchange_submit until `state` is idle again; before and after that, the thread's. */
    struct store_put put;
    int plugins[SETUP_PLUGIN_LIMIT]; /* store numbers, put.plugins points here */
    int source;                      /* index in the setup */
    char from[48];                   /* the peer's address; the same for all of a connection */
    struct guard_sender sender;      /* who that speaks for, if it is a proxy */
    int64_t begun_us;                /* monotonic: when the head of its request had been read */
    int socket;
    bool closes; /* the connection ends with this answer */
    struct answer_date date;

    _Atomic uint32_t state; /* enum exchange_state; also a futex */
};

/* What the sender hears of the store's result. */
enum answer exchange_answer(enum store_result result);
/* Gives exchange->put to the store. The answer is sent by whichever thread the store calls back on. */
void exchange_submit(struct exchange *exchange);
/* Is a request with the store? For the exchange's thread. */
bool exchange_is_submitted(const struct exchange *exchange);
/* Returns when no request is with the store. */
void exchange_wait(struct exchange *exchange);
/* Frees what a large request left behind, so that idle threads stay small. */
void exchange_trim(struct exchange *exchange);
void exchange_release(struct exchange *exchange); /* frees the insides */

#endif
