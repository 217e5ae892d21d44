/* Questions of other threads to the main thread, which answers them between two turns of its loop: what belongs to the loop needs no locks. */
#ifndef DELIVER_MAILBOX_H
#define DELIVER_MAILBOX_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"
#include "deliver/status.h"

struct mailbox_question;

struct mailbox {
    pthread_mutex_t mutex;
    pthread_cond_t answered;
    struct mailbox_question *first; /* each on the stack of who waits for it; under the mutex */
    bool silent;                    /* nobody answers any more; under the mutex */
    int descriptor;                 /* an eventfd: readable when there are questions */
    bool open;
};

/* Zero-initialise. */
bool mailbox_open(struct mailbox *mailbox, struct fault *fault);
void mailbox_close(struct mailbox *mailbox); /* when nobody asks any more */

/* Any thread but the one that answers. False if that does not happen within timeout_ms, or never will. */
bool mailbox_ask(struct mailbox *mailbox, struct dispatch_status *status, int64_t timeout_ms);

/* The answering thread: `fill` is called for each question, under the mutex. */
void mailbox_answer(struct mailbox *mailbox, void (*fill)(void *context, struct dispatch_status *status),
                    void *context);
/* Ends the waiting of all who wait, and of all who will. */
void mailbox_silence(struct mailbox *mailbox);

#endif
