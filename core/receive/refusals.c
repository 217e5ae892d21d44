/* One ring for each source, under a mutex of its own: a flood at one source neither delays the others nor pushes theirs out. */
#include "receive/refusals.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "config/setup.h"

struct ring {
    pthread_mutex_t mutex;
    char *name;     /* null for no source */
    uint64_t noted; /* of this source, ever; the next one goes to noted % REFUSALS_KEPT */
    struct refusal entries[REFUSALS_KEPT];
};

struct refusals {
    _Atomic uint64_t number; /* of the last one that was noted */
    int ring_count;
    struct ring rings[]; /* untouched pages of sources that nobody refuses cost no memory */
};

struct refusals *refusals_make(const struct setup *setup, struct fault *fault) {
    size_t count = (size_t)setup->source_count + 1;
    struct refusals *refusals = calloc(1, sizeof *refusals + count * sizeof(struct ring));
    bool made = refusals != NULL;
    for (size_t i = 0; refusals != NULL && i < count; i++) {
        pthread_mutex_init(&refusals->rings[i].mutex, NULL);
        refusals->ring_count++;
        if (i + 1 < count)
            made = (refusals->rings[i].name = strdup(setup->sources[i].name)) != NULL && made;
    }
    if (made)
        return refusals;
    refusals_free(refusals);
    fault_set(fault, "not enough memory to keep the last refusals of %zu sources", count - 1);
    return NULL;
}

void refusals_free(struct refusals *refusals) {
    for (int i = 0; refusals != NULL && i < refusals->ring_count; i++) {
        pthread_mutex_destroy(&refusals->rings[i].mutex);
        free(refusals->rings[i].name);
    }
    free(refusals);
}

void refusals_note(struct refusals *refusals, int source, enum answer answer, const char *from, const char *via,
                   const char *reason) {
    struct ring *ring = &refusals->rings[source];
    struct bytes whole = bytes_of(reason), kept = bytes_cut(whole, REFUSAL_REASON_LIMIT);
    pthread_mutex_lock(&ring->mutex);
    struct refusal *entry = &ring->entries[ring->noted++ % REFUSALS_KEPT];
    entry->number = atomic_fetch_add(&refusals->number, 1) + 1;
    entry->at_ms = clock_wall_ms();
    entry->answer = answer;
    snprintf(entry->from, sizeof entry->from, "%s", from);
    snprintf(entry->via, sizeof entry->via, "%s", via);
    snprintf(entry->reason, sizeof entry->reason, "%.*s%s", (int)kept.length, kept.data,
             kept.length < whole.length ? "…" : "");
    pthread_mutex_unlock(&ring->mutex);
}

int refusals_source_count(const struct refusals *refusals) {
    return refusals->ring_count;
}

const char *refusals_source_name(const struct refusals *refusals, int source) {
    return refusals->rings[source].name;
}

int refusals_copy(struct refusals *refusals, int source, struct refusal *copies) {
    struct ring *ring = &refusals->rings[source];
    pthread_mutex_lock(&ring->mutex);
    int count = ring->noted < REFUSALS_KEPT ? (int)ring->noted : REFUSALS_KEPT;
    int oldest = ring->noted < REFUSALS_KEPT ? 0 : (int)(ring->noted % REFUSALS_KEPT);
    memcpy(copies, ring->entries + oldest, (size_t)(count - oldest) * sizeof *copies);
    memcpy(copies + count - oldest, ring->entries, (size_t)oldest * sizeof *copies);
    pthread_mutex_unlock(&ring->mutex);
    return count;
}
