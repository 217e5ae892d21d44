/* The hand-over to the writer thread. All atomics are sequentially consistent, which the sleep needs: the writer first
 * says that it sleeps and then looks for work once more, others first push and then look whether it sleeps, so one of
 * the two sees the other. */
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "store/sqlite/waiting.h"

/* Wakes the writer if it sleeps at least as deep as `depth`. Who changes the word makes the system call, so there is
 * one. */
static void waiting_wake(struct waiting *waiting, enum waiting_sleep depth) {
    int sleep = atomic_load(&waiting->sleep);
    while (sleep >= (int)depth) {
        if (atomic_compare_exchange_weak(&waiting->sleep, &sleep, WAITING_AWAKE)) {
            syscall(SYS_futex, &waiting->sleep, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
            return;
        }
    }
}

void waiting_push_put(struct waiting *waiting, struct store_put *put) {
    struct store_put *head = atomic_load_explicit(&waiting->puts, memory_order_relaxed);
    do {
        put->next = head;
    } while (!atomic_compare_exchange_weak(&waiting->puts, &head, put));
    if (!head) { /* whoever pushed before this one has woken the writer, or found it awake */
        waiting_wake(waiting, WAITING_DOZING);
    }
}

void waiting_push_settles(struct waiting *waiting, struct store_settle *first) {
    struct store_settle *top = NULL, *bottom = first;
    int count = 0;
    while (first) { /* the stack holds the newest on top */
        struct store_settle *next = first->next;
        first->next = top;
        top = first;
        first = next;
        count++;
    }
    if (!top) {
        return;
    }
    /* Counted before they can be seen, so that the count never lags behind what the writer holds. */
    int before = atomic_fetch_add(&waiting->settle_count, count);
    struct store_settle *head = atomic_load_explicit(&waiting->settles, memory_order_relaxed);
    do {
        bottom->next = head;
    } while (!atomic_compare_exchange_weak(&waiting->settles, &head, top));
    bool enough = before < WAITING_SETTLES_ENOUGH && before + count >= WAITING_SETTLES_ENOUGH;
    if (enough || !head) {
        waiting_wake(waiting, enough ? WAITING_DOZING : WAITING_ASLEEP);
    }
}

void waiting_push_order(struct waiting *waiting, struct store_order *order) {
    struct store_order *head = atomic_load_explicit(&waiting->orders, memory_order_relaxed);
    do {
        order->next = head;
    } while (!atomic_compare_exchange_weak(&waiting->orders, &head, order));
    waiting_wake(waiting, WAITING_DOZING);
}

/* A note waits for company as settles do. */
void waiting_note(struct waiting *waiting) {
    if (!atomic_exchange(&waiting->noted, true)) {
        waiting_wake(waiting, WAITING_ASLEEP);
    }
}

bool waiting_take_noted(struct waiting *waiting) {
    return atomic_load_explicit(&waiting->noted, memory_order_relaxed) && atomic_exchange(&waiting->noted, false);
}

void waiting_stop(struct waiting *waiting) {
    atomic_store(&waiting->stopping, true);
    waiting_wake(waiting, WAITING_DOZING);
}

static void orders_drain(struct waiting *waiting, struct order_list *orders) {
    struct store_order *order = atomic_load_explicit(&waiting->orders, memory_order_relaxed);
    if (order) {
        order = atomic_exchange(&waiting->orders, NULL);
        struct order_list fresh = { .last = order };
        while (order) {
            struct store_order *next = order->next;
            order->next = fresh.first;
            fresh.first = order;
            order = next;
        }
        *(orders->first ? &orders->last->next : &orders->first) = fresh.first;
        orders->last = fresh.last;
    }
}

void waiting_drain(struct waiting *waiting, struct put_list *puts, struct settle_list *settles,
                   struct order_list *orders) {
    struct store_put *put = atomic_load_explicit(&waiting->puts, memory_order_relaxed);
    if (put) {
        put = atomic_exchange(&waiting->puts, NULL);
        struct put_list fresh = { .last = put };
        while (put) {
            struct store_put *next = put->next;
            put->next = fresh.first;
            fresh.first = put;
            put = next;
        }
        *(puts->first ? &puts->last->next : &puts->first) = fresh.first;
        puts->last = fresh.last;
    }
    struct store_settle *settle = atomic_load_explicit(&waiting->settles, memory_order_relaxed);
    if (settle) {
        settle = atomic_exchange(&waiting->settles, NULL);
        struct settle_list fresh = { .last = settle };
        while (settle) {
            struct store_settle *next = settle->next;
            settle->next = fresh.first;
            fresh.first = settle;
            settle = next;
        }
        *(settles->first ? &settles->last->next : &settles->first) = fresh.first;
        settles->last = fresh.last;
    }
    orders_drain(waiting, orders);
}

void waiting_settles_written(struct waiting *waiting, int count) {
    atomic_fetch_sub(&waiting->settle_count, count);
}

void waiting_sleep(struct waiting *waiting, enum waiting_sleep depth, int64_t timeout_us) {
    atomic_store(&waiting->sleep, depth);
    bool work = atomic_load(&waiting->puts) || atomic_load(&waiting->orders) || atomic_load(&waiting->stopping) ||
                (depth == WAITING_ASLEEP && (atomic_load(&waiting->settles) || atomic_load(&waiting->noted)));
    if (!work) {
        struct timespec timeout = { timeout_us / 1000000, timeout_us % 1000000 * 1000 };
        syscall(SYS_futex, &waiting->sleep, FUTEX_WAIT_PRIVATE, depth, timeout_us < 0 ? NULL : &timeout, NULL, 0);
    }
    atomic_store(&waiting->sleep, WAITING_AWAKE);
}
