/* An order belongs to two: the thread that waits for it, and the store, whose writer calls order_done. Whoever lets go of it last frees it,
 * so that a thread may stop waiting while the writer is stuck. */
#include "admin/order.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"

enum { ORDER_LOOK_MS = 250 }; /* between two looks at the store's health */

struct order {
    struct store_order order;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int holders;
    bool done;
    struct store_target targets[];
};

/* With the mutex, which is let go of. */
static void order_release(struct order *order) {
    bool last = --order->holders == 0;
    pthread_mutex_unlock(&order->mutex);
    if (!last)
        return;
    pthread_cond_destroy(&order->changed);
    pthread_mutex_destroy(&order->mutex);
    free(order);
}

/* On the writer thread. */
static void order_done(struct store_order *done) {
    struct order *order = done->context;
    pthread_mutex_lock(&order->mutex);
    order->done = true;
    pthread_cond_signal(&order->changed);
    order_release(order);
}

static struct order *order_make(enum store_order_kind kind, const struct store_target *targets, int target_count) {
    struct order *order = malloc(sizeof *order + (size_t)target_count * sizeof *targets);
    pthread_condattr_t monotonic;
    if (order == NULL)
        return NULL;
    *order = (struct order){ .holders = 2 };
    memcpy(order->targets, targets, (size_t)target_count * sizeof *targets);
    order->order = (struct store_order){
        .kind = kind, .targets = order->targets, .target_count = target_count, .context = order, .done = order_done
    };
    pthread_mutex_init(&order->mutex, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&order->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return order;
}

/* With the mutex. Whether it was done before patience was over. */
static bool order_wait(struct order *order, const struct api *api) {
    int64_t now = clock_monotonic_ms();
    int64_t until = now + (api->order_patience_ms > 0 ? api->order_patience_ms : ORDER_PATIENCE_MS);
    while (!order->done && now < until) {
        int64_t look = now + ORDER_LOOK_MS < until ? now + ORDER_LOOK_MS : until;
        struct timespec time = { .tv_sec = look / 1000, .tv_nsec = look % 1000 * 1000000 };
        struct store_health health;
        if (pthread_cond_timedwait(&order->changed, &order->mutex, &time) == ETIMEDOUT) {
            store_health(api->store, &health);
            if (health.stuck_ms > ORDER_STUCK_MS)
                break;
        }
        now = clock_monotonic_ms();
    }
    return order->done;
}

static void answer_not_written(const struct store *store, bool failed, struct api_answer *answer) {
    struct store_health health;
    store_health(store, &health);
    bool known = health.why[0] != '\0';
    if (failed)
        api_refuse(answer, 503, "the store could not write it, nothing was changed: %s",
                   known ? health.why : "the daemon's log has the reason");
    else
        api_refuse(answer, 503,
                   "the store is busy and did not write it in time, but still may: look how it stands before you ask "
                   "again%s%s",
                   known ? "; " : "", health.why);
}

bool order_give(const struct api *api, enum store_order_kind kind, const struct store_target *targets, int target_count,
                int *changed, struct api_answer *answer) {
    *changed = 0;
    if (target_count == 0)
        return true;
    struct order *order = order_make(kind, targets, target_count);
    if (order == NULL) {
        api_refuse(answer, 503, "not enough memory; nothing was changed");
        return false;
    }
    store_order(api->store, &order->order);
    pthread_mutex_lock(&order->mutex);
    bool done = order_wait(order, api), failed = done && order->order.failed;
    if (done)
        *changed = order->order.changed;
    order_release(order);
    if (!done || failed)
        answer_not_written(api->store, failed, answer);
    return done && !failed;
}
