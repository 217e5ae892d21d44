/* The end of a worker: reaped, and what it held is judged, so that one bad event costs no other. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/units.h"
#include "deliver/worker_private.h"
#include "grapnel/plugin.h"

enum { END_TEXT_SIZE = 160, END_OUTPUT_READS = 16 };

static struct delivery *held_find(const struct worker *worker, int64_t sequence) {
    for (struct delivery *delivery = worker->held.first; delivery; delivery = delivery->next)
        if (delivery->sequence == sequence)
            return delivery;
    return NULL;
}

/* All that had been begun, as far as is known, may have done it; what is certainly alone in that is the culprit. */
static void judge_suspects(struct worker *worker, int64_t last) {
    struct delivery *first = worker->held.first;
    bool single = first && (!first->next || first->next->sequence > last);
    for (struct delivery *delivery = first; delivery && delivery->sequence <= last; delivery = delivery->next)
        delivery->part = single ? DELIVERY_CULPRIT : DELIVERY_SUSPECT;
}

/* The page is only believed where it makes sense: the plugin may have written over it. */
void worker_judge(struct worker *worker, enum worker_end end) {
    const struct wire_page *page = worker->spawned.page;
    int64_t running = page->running, delivered = page->delivered;
    bool flushing = page->phase == WIRE_PHASE_FLUSH;
    for (struct delivery *delivery = worker->held.first; delivery; delivery = delivery->next)
        delivery->part = DELIVERY_BYSTANDER;
    if (end == WORKER_END_DROPPED || end == WORKER_END_STOPPED)
        return;
    if (end == WORKER_END_DEADLINE) { /* it may have gone on between the look at the page and the kill */
        running = worker->overdue;
        flushing = worker->overdue_flush;
    }
    if (end == WORKER_END_GARBAGE) {
        judge_suspects(worker, running > delivered ? running : delivered);
        return;
    }
    struct delivery *culprit = running ? held_find(worker, running) : NULL;
    if (culprit)
        culprit->part = DELIVERY_CULPRIT;
    else if (flushing)
        judge_suspects(worker, delivered);
}

/* What it had done although it could not say so any more; see `settled` in wire.h. A stream that was lost may have held other outcomes than
 * OK, so nothing is concluded from the page then. */
static void finish_settled(struct worker *worker) {
    const struct worker_outcome ok = { .code = GRAPNEL_OK, .duration_us = -1 };
    int64_t settled = wire_page_settled(worker->spawned.page);
    if (worker->stream_lost || settled > worker->sequence)
        return;
    while (worker->held.first && worker->held.first->sequence <= settled)
        worker->options.owner.outcome(worker->options.owner.owner, worker, delivery_take(&worker->held), &ok);
}

static void end_describe_heavy(const struct worker *worker, char text[END_TEXT_SIZE]) {
    char limit[UNITS_TEXT_SIZE];
    size_format(worker->options.memory_bytes, limit);
    snprintf(text, END_TEXT_SIZE, "was killed: the processes that it had started took %lldMiB, and `memory` is %s",
             (long long)(worker->children_bytes >> 20), limit);
}

static void end_describe(const struct worker *worker, enum worker_end end, int status, char text[END_TEXT_SIZE]) {
    if (end == WORKER_END_MEMORY)
        end_describe_heavy(worker, text);
    else if (end == WORKER_END_DEADLINE)
        snprintf(text, END_TEXT_SIZE, "was killed at its deadline");
    else if (end == WORKER_END_GARBAGE)
        snprintf(text, END_TEXT_SIZE, "was killed: it wrote garbage to the socket of its host");
    else if (WIFEXITED(status) && WEXITSTATUS(status) == WIRE_EXIT_SOCKET)
        snprintf(text, END_TEXT_SIZE, "was killed: it closed the socket of its host");
    else if (WIFEXITED(status) && WEXITSTATUS(status) == WIRE_EXIT_MEMORY)
        snprintf(text, END_TEXT_SIZE,
                 "was killed: it has no memory for the event that comes next: raise `memory` of the plugin");
    else if (end == WORKER_END_EXITED && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        snprintf(text, END_TEXT_SIZE,
                 "was killed by SIGKILL, after it had closed the socket of its host or from outside");
    else if (WIFSIGNALED(status))
        snprintf(text, END_TEXT_SIZE, "was killed by SIG%s (%s)", sigabbrev_np(WTERMSIG(status)) ?: "?",
                 sigdescr_np(WTERMSIG(status)) ?: "unknown signal");
    else
        snprintf(text, END_TEXT_SIZE, "exited with status %d", WEXITSTATUS(status));
}

/* `killed`: by us, before the process was seen to end; worker->end says why then. */
static enum worker_end end_of(const struct worker *worker, bool killed, bool stopping, int status) {
    bool garbage_found = worker->state == WORKER_KILLED && worker->end == WORKER_END_GARBAGE;
    /* The end of its socket was seen first, as a crash ends that too. */
    bool crashed = worker->end == WORKER_END_EXITED && WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL;
    if ((killed && !crashed) || garbage_found) /* the latter in its last words */
        return worker->end;
    if (WIFSIGNALED(status))
        return WORKER_END_SIGNAL;
    return stopping && WEXITSTATUS(status) == 0 ? WORKER_END_STOPPED : WORKER_END_EXITED;
}

void worker_finish(struct worker *worker) {
    int status = 0;
    bool killed = worker->state == WORKER_KILLED, stopping = worker->state == WORKER_STOPPING;
    if (!worker->socket_watch.removed) /* what it said before its end counts */
        worker_read_frames(worker, WORKER_LAST_READS);
    for (int i = 0; i < END_OUTPUT_READS && !worker->output_watch.removed; i++)
        worker_read_output(worker);
    kill(-worker->spawned.process,
         SIGKILL); /* its children; before the reaping, while the number can be nobody else's */
    while (waitpid(worker->spawned.process, &status, 0) < 0 && errno == EINTR)
        continue;
    loop_remove(worker->options.loop, &worker->process_watch);
    loop_remove(worker->options.loop, &worker->socket_watch);
    loop_remove(worker->options.loop, &worker->output_watch);
    enum worker_end end = end_of(worker, killed, stopping, status);
    worker->state = WORKER_KILLED;
    char why[END_TEXT_SIZE];
    end_describe(worker, end, status, why);
    finish_settled(worker);
    worker_judge(worker, end);
    struct delivery_list held = worker->held;
    worker->held = (struct delivery_list){ 0 };
    worker->options.owner.ended(worker->options.owner.owner, worker, end, why, &held);
}
