/* What waits for the writer thread: lock-free stacks that any thread pushes to and the writer empties at once, and
 * the writer's sleep. A push costs one compare-and-swap; a system call only when the writer is asleep. */
#ifndef STORE_SQLITE_WAITING_H
#define STORE_SQLITE_WAITING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "store/store.h"

enum { WAITING_SETTLES_ENOUGH = 256 }; /* so many settles are worth a commit of their own */

/* How deep the writer sleeps: the futex word. */
enum waiting_sleep {
    WAITING_AWAKE,
    WAITING_DOZING, /* has settles in hand that wait for company: woken by a put, an order, or by enough settles */
    WAITING_ASLEEP, /* woken by anything */
};

struct waiting {
    _Alignas(64) _Atomic(struct store_put *) puts; /* newest first */
    _Alignas(64) _Atomic(struct store_settle *) settles;
    _Atomic int settle_count; /* pushed and not yet written, drained ones too */
    _Alignas(64) _Atomic(struct store_order *) orders;
    _Atomic bool noted; /* there are notes to be written, see notes.h */
    _Alignas(64) _Atomic int sleep;
    _Atomic bool stopping;
};

/* First come, first served; only the writer thread touches them. */
struct put_list {
    struct store_put *first, *last;
};
struct settle_list {
    struct store_settle *first, *last;
};

struct order_list {
    struct store_order *first, *last;
};

void waiting_push_put(struct waiting *waiting, struct store_put *put);
void waiting_push_settles(struct waiting *waiting, struct store_settle *first);
void waiting_push_order(struct waiting *waiting, struct store_order *order);
void waiting_note(struct waiting *waiting);
void waiting_stop(struct waiting *waiting);

/* The writer's side. */
void waiting_drain(struct waiting *waiting, struct put_list *puts, struct settle_list *settles,
                   struct order_list *orders);
void waiting_settles_written(struct waiting *waiting, int count);
bool waiting_take_noted(struct waiting *waiting); /* before the notes are looked at: later ones are told of again */
/* Returns when there is something to wake for, or after timeout_us (-1: none), or for no reason. */
void waiting_sleep(struct waiting *waiting, enum waiting_sleep depth, int64_t timeout_us);

#endif
