/* The store's health, and what it measures. */
#include "store/sqlite/health.h"

#include <stdio.h>

#include "base/clock.h"
#include "store/sqlite/engine.h"

const struct histogram_scale store_commit_scale = {
    .unit = 1e-6,
    .count = 16,
    .bounds = { 100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 2500000, 5000000,
                10000000 },
};
const struct histogram_scale store_commit_events_scale = {
    .unit = 1,
    .count = 10,
    .bounds = { 1, 2, 4, 8, 16, 32, 64, 128, 256, 512 },
};

void health_begin(struct health *health) {
    pthread_mutex_init(&health->mutex, NULL);
}

void health_free(struct health *health) {
    pthread_mutex_destroy(&health->mutex);
}

void health_set(struct health *health, enum health_cause cause, const char *why) {
    pthread_mutex_lock(&health->mutex);
    snprintf(health->whys[cause], HEALTH_TEXT_SIZE, "%s", why ? why : "");
    pthread_mutex_unlock(&health->mutex);
}

void store_health(const struct store *store, struct store_health *told) {
    struct health *health = (struct health *)&store->health; /* for its mutex */
    *told = (struct store_health){ 0 };
    pthread_mutex_lock(&health->mutex);
    for (int cause = HEALTH_CAUSES - 1; cause >= 0; cause--) {
        if (health->whys[cause][0] != '\0') {
            told->broken = cause == HEALTH_BROKEN;
            told->refusing = true;
            snprintf(told->why, sizeof told->why, "%s", health->whys[cause]);
        }
    }
    pthread_mutex_unlock(&health->mutex);
    int64_t since_us = atomic_load(&health->busy_since_us);
    told->stuck_ms = since_us > 0 ? (clock_monotonic_us() - since_us) / 1000 : 0;
}

const struct store_measures *store_measures(const struct store *store) {
    return &store->measures;
}
