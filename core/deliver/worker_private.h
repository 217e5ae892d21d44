/* The inside of a worker, shared by the files that make it: worker.c (life), worker_frames.c (what it says), worker_end.c (its death). */
#ifndef DELIVER_WORKER_PRIVATE_H
#define DELIVER_WORKER_PRIVATE_H

#include "deliver/worker.h"

enum {
    WORKER_READ_SIZE = 64 * 1024,
    WORKER_READS = 4,       /* so many in one turn of the loop: a worker that never stops talking gets no more of it */
    WORKER_LAST_READS = 64, /* of a dead one: more than a socket holds */
    WORKER_LINE_LIMIT = 2048, /* bytes of one line of its output; longer ones are broken up */
};

struct worker {
    struct worker_options options;
    struct spawned spawned;
    enum worker_state state;
    struct loop_watch socket_watch, process_watch, output_watch;
    bool socket_wants_write;
    struct buffer in, out;     /* frames half received, frames not sent yet */
    bool out_secret;           /* the settings are among the latter, or were: wiped once all is sent */
    struct buffer line;        /* of its stdout and stderr, not ended yet */
    struct delivery_list held; /* in order of sequence */
    int64_t sequence;          /* of the last delivery given */
    int64_t progress_ms;       /* monotonic: when it last said what was awaited, or was given something to do */
    enum worker_end end;       /* why it was killed, in state WORKER_KILLED */
    bool stream_lost;          /* frames were garbage, or could not be read: what it said since is not known */
    int64_t overdue; /* sequence of the event whose call passed the deadline; 0: none, or a flush of several */
    bool overdue_flush;
    int64_t children_bytes; /* of WORKER_END_MEMORY */
};

void worker_read_frames(struct worker *worker, int reads); /* so many at most */
void worker_read_output(struct worker *worker);
/* Reaps the process, judges what it held, tells the owner. */
void worker_finish(struct worker *worker);
/* Judges: sets the part of each held delivery. */
void worker_judge(struct worker *worker, enum worker_end end);

#endif
