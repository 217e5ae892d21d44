/* The writer adds under a lock that is held for moments; the dispatcher takes all of it in one swap, so neither waits for the other. */
#include "deliver/handover.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { HANDOVER_FIRST_CAPACITY = 256 };

bool handover_open(struct handover *handover, struct fault *fault) {
    handover->descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (handover->descriptor < 0)
        return fault_set(fault, "eventfd: %s", strerror(errno));
    pthread_mutex_init(&handover->mutex, NULL);
    handover->open = true;
    return true;
}

void handover_close(struct handover *handover) {
    if (!handover->open)
        return;
    for (int i = 0; i < handover->content.count; i++)
        event_release(handover->content.entries[i].event);
    free(handover->content.entries);
    store_settle_free(handover->content.given_up);
    close(handover->descriptor);
    pthread_mutex_destroy(&handover->mutex);
    handover->open = false;
}

void handover_lock(struct handover *handover) {
    pthread_mutex_lock(&handover->mutex);
}

/* Room for one more entry; false when memory is short. */
static bool handover_grow(struct handover_content *content) {
    if (content->count < content->capacity)
        return true;
    int capacity = content->capacity ? content->capacity * 2 : HANDOVER_FIRST_CAPACITY;
    struct handover_entry *entries = realloc(content->entries, (size_t)capacity * sizeof *entries);
    if (!entries)
        return false;
    content->entries = entries;
    content->capacity = capacity;
    return true;
}

void handover_add(struct handover *handover, struct event *event, uint64_t pools, int limit, size_t bytes_limit) {
    struct handover_content *content = &handover->content;
    if (!pools)
        return;
    /* What was missed must be read from the store, in order, before anything newer: so further events for those pools are left out too. */
    pools &= ~content->missed;
    if (content->count >= limit || content->bytes >= bytes_limit || !handover_grow(content)) {
        content->missed |= pools;
        return;
    }
    if (!pools)
        return;
    content->entries[content->count++] = (struct handover_entry){ event_hold(event), pools };
    content->bytes += event->body.length + event->headers.length;
}

void handover_add_settled(struct handover *handover, int64_t settled) {
    handover->content.settled += settled;
}

void handover_add_given_up(struct handover *handover, struct store_settle *settles) {
    struct store_settle **end = &handover->content.given_up;
    while (*end)
        end = &(*end)->next;
    *end = settles;
}

void handover_add_reopened(struct handover *handover, uint64_t pools) {
    handover->content.reopened |= pools;
}

void handover_unlock(struct handover *handover) {
    const struct handover_content *content = &handover->content;
    bool any = content->count || content->settled || content->given_up || content->missed || content->reopened;
    pthread_mutex_unlock(&handover->mutex);
    uint64_t one = 1;
    if (any && write(handover->descriptor, &one, sizeof one) < 0) {
        /* EAGAIN: the counter is at its top, so the reader is awake already. */
    }
}

void handover_take(struct handover *handover, struct handover_content *content) {
    uint64_t count;
    if (read(handover->descriptor, &count, sizeof count) < 0) {
        /* EAGAIN: nothing was signalled; look all the same. */
    }
    pthread_mutex_lock(&handover->mutex);
    struct handover_content taken = handover->content;
    handover->content = (struct handover_content){ .entries = content->entries, .capacity = content->capacity };
    pthread_mutex_unlock(&handover->mutex);
    *content = taken;
}
