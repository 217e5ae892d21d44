/* Events on their way through the plugin: delivered one by one, and for a plugin with a flush kept until that has made their OK good.
 * Outcomes leave in order of sequence, so what is decided waits behind what is provisional. */
#ifndef HOST_BATCH_H
#define HOST_BATCH_H

#include "host/calls.h"

enum {
    BATCH_EVENTS = 256,            /* then flush is called */
    BATCH_BYTES = 8 * 1024 * 1024, /* likewise, of kept frames */
    BATCH_TIME_MS = 20,            /* likewise, since the first of them */
};

struct batch_entry {
    struct wire_outcome outcome; /* its text is not in there but below */
    bool provisional;
    size_t frame,
        frame_length;         /* where in `frames` its EVENT is, to run it again; length 0: memory was short for that */
    size_t text, text_length; /* where in `texts` */
};

/* Zero-initialise but for `calls`. */
struct batch {
    struct plugin_calls *calls;
    struct batch_entry entries[BATCH_EVENTS];
    int count, provisional; /* provisional > 0 unless count is 0 */
    int64_t first_ms;       /* monotonic: when the first of them was delivered */
    struct buffer frames, texts;
};

/* Runs the event. `raw` is its whole frame. False: garbage. */
bool batch_deliver(struct batch *batch, struct wire_frame *frame, struct bytes raw);
/* Flushes if anything is provisional, and hands all outcomes to the connection. */
void batch_flush(struct batch *batch);
int batch_time_left_ms(const struct batch *batch); /* until it must be flushed */
void batch_free(struct batch *batch);

#endif
