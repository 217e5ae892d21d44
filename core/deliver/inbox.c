#include "deliver/inbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { INBOX_FIRST_CAPACITY = 256 };

bool inbox_open(struct inbox *inbox, struct fault *fault) {
    inbox->descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (inbox->descriptor < 0)
        return fault_set(fault, "eventfd: %s", strerror(errno));
    pthread_mutex_init(&inbox->mutex, NULL);
    inbox->open = true;
    return true;
}

void inbox_close(struct inbox *inbox) {
    if (!inbox->open)
        return;
    for (int i = 0; i < inbox->content.count; i++)
        event_release(inbox->content.entries[i].event);
    free(inbox->content.entries);
    close(inbox->descriptor);
    pthread_mutex_destroy(&inbox->mutex);
    inbox->open = false;
}

void inbox_lock(struct inbox *inbox) {
    pthread_mutex_lock(&inbox->mutex);
}

/* Room for one more entry; false when memory is short. */
static bool inbox_grow(struct inbox_content *content) {
    if (content->count < content->capacity)
        return true;
    int capacity = content->capacity ? content->capacity * 2 : INBOX_FIRST_CAPACITY;
    struct inbox_entry *entries = realloc(content->entries, (size_t)capacity * sizeof *entries);
    if (!entries)
        return false;
    content->entries = entries;
    content->capacity = capacity;
    return true;
}

void inbox_add(struct inbox *inbox, struct event *event, uint64_t pools, int limit, size_t bytes_limit) {
    struct inbox_content *content = &inbox->content;
    if (!pools)
        return;
    /* What was missed must be read from the store, in order, before anything newer: so further events for those pools are left out too. */
    pools &= ~content->missed;
    if (content->count >= limit || content->bytes >= bytes_limit || !inbox_grow(content)) {
        content->missed |= pools;
        return;
    }
    if (!pools)
        return;
    content->entries[content->count++] = (struct inbox_entry){ event_hold(event), pools };
    content->bytes += event->body.length + event->headers.length;
}

void inbox_add_settled(struct inbox *inbox, int64_t settled) {
    inbox->content.settled += settled;
}

void inbox_unlock(struct inbox *inbox) {
    bool any = inbox->content.count || inbox->content.settled || inbox->content.missed;
    pthread_mutex_unlock(&inbox->mutex);
    uint64_t one = 1;
    if (any && write(inbox->descriptor, &one, sizeof one) < 0) {
        /* EAGAIN: the counter is at its top, so the reader is awake already. */
    }
}

void inbox_take(struct inbox *inbox, struct inbox_content *content) {
    uint64_t count;
    if (read(inbox->descriptor, &count, sizeof count) < 0) {
        /* EAGAIN: nothing was signalled; look all the same. */
    }
    pthread_mutex_lock(&inbox->mutex);
    struct inbox_content taken = inbox->content;
    inbox->content = (struct inbox_content){ .entries = content->entries, .capacity = content->capacity };
    pthread_mutex_unlock(&inbox->mutex);
    *content = taken;
}
