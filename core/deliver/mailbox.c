/* A list of who waits, a descriptor that wakes the loop, a condition that wakes them. An answer is written straight into the memory of who
 * asked, and only while the question still stands in the list, so that one who gave up can leave. */
#include "deliver/mailbox.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

struct mailbox_question {
    struct mailbox_question *next;
    struct dispatch_status *status;
    bool answered;
};

bool mailbox_open(struct mailbox *mailbox, struct fault *fault) {
    mailbox->descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (mailbox->descriptor < 0)
        return fault_set(fault, "eventfd: %s", strerror(errno));
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&mailbox->answered, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&mailbox->mutex, NULL);
    mailbox->open = true;
    return true;
}

void mailbox_close(struct mailbox *mailbox) {
    if (!mailbox->open)
        return;
    close(mailbox->descriptor);
    pthread_cond_destroy(&mailbox->answered);
    pthread_mutex_destroy(&mailbox->mutex);
    mailbox->open = false;
}

static struct timespec mailbox_deadline(int64_t timeout_ms) {
    struct timespec deadline;
    clock_gettime(CLOCK_MONOTONIC, &deadline);
    deadline.tv_sec += timeout_ms / 1000;
    deadline.tv_nsec += timeout_ms % 1000 * 1000000;
    if (deadline.tv_nsec >= 1000000000) {
        deadline.tv_sec++;
        deadline.tv_nsec -= 1000000000;
    }
    return deadline;
}

static void mailbox_forget(struct mailbox *mailbox, const struct mailbox_question *question) {
    struct mailbox_question **place = &mailbox->first;
    while (*place && *place != question)
        place = &(*place)->next;
    if (*place)
        *place = question->next;
}

bool mailbox_ask(struct mailbox *mailbox, struct dispatch_status *status, int64_t timeout_ms) {
    struct mailbox_question question = { .status = status };
    struct timespec deadline = mailbox_deadline(timeout_ms);
    uint64_t one = 1;
    int failed = 0;
    pthread_mutex_lock(&mailbox->mutex);
    question.next = mailbox->first;
    mailbox->first = &question;
    if (!mailbox->silent && write(mailbox->descriptor, &one, sizeof one) < 0) {
        /* EAGAIN: the counter is at its top, so the loop is awake already. */
    }
    while (!question.answered && !mailbox->silent && !failed)
        failed = pthread_cond_timedwait(&mailbox->answered, &mailbox->mutex, &deadline);
    mailbox_forget(mailbox, &question);
    pthread_mutex_unlock(&mailbox->mutex);
    return question.answered;
}

void mailbox_answer(struct mailbox *mailbox, void (*fill)(void *context, struct dispatch_status *status),
                    void *context) {
    uint64_t count;
    if (read(mailbox->descriptor, &count, sizeof count) < 0) {
        /* EAGAIN: nothing was signalled; look all the same. */
    }
    pthread_mutex_lock(&mailbox->mutex);
    for (struct mailbox_question *question; (question = mailbox->first);) {
        mailbox->first = question->next;
        fill(context, question->status);
        question->answered = true;
    }
    pthread_cond_broadcast(&mailbox->answered);
    pthread_mutex_unlock(&mailbox->mutex);
}

void mailbox_silence(struct mailbox *mailbox) {
    pthread_mutex_lock(&mailbox->mutex);
    mailbox->silent = true;
    pthread_cond_broadcast(&mailbox->answered);
    pthread_mutex_unlock(&mailbox->mutex);
}
