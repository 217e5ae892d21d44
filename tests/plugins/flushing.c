/* A plugin with a flush. In deliver it does what /data/object/do says (retry, fail, busy, segfault, sleep), in flush what
 * /data/object/flush of any of its events says (retry, fail, busy, segfault, hang, closefds). Records `deliver ID` and
 * `flush ID ID …`; setting `gate`: flush waits until that file exists, so that a test can fill the batch. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "record.h"

enum { HELD_LIMIT = 256 };

struct held {
    char *id, *flush;
};

struct flushing {
    struct held held[HELD_LIMIT];
    int count;
};

static int init(struct grapnel_call *call, void **self) {
    *self = calloc(1, sizeof(struct flushing));
    return *self ? GRAPNEL_OK : grapnel_busy(call, 0, "memory is short");
}

static void crash(void) {
    volatile int *volatile nowhere = NULL;
    *nowhere = 1;
}

static void milliseconds(long count) {
    struct timespec left = { .tv_nsec = count * 1000000 };
    nanosleep(&left, NULL);
}

static int deliver(struct grapnel_call *call, void *self) {
    struct flushing *flushing = self;
    record(call, grapnel_format(call, "deliver %s\n", grapnel_id(call)));
    const char *wanted = grapnel_text(call, "/data/object/do"), *flush = grapnel_text(call, "/data/object/flush");
    if (wanted && strcmp(wanted, "retry") == 0)
        return grapnel_retry(call, 1000, "deliver of %s says retry", grapnel_id(call));
    if (wanted && strcmp(wanted, "fail") == 0)
        return grapnel_fail(call, "deliver of %s says fail", grapnel_id(call));
    if (wanted && strcmp(wanted, "busy") == 0)
        return grapnel_busy(call, 0, "deliver of %s says busy", grapnel_id(call));
    if (wanted && strcmp(wanted, "segfault") == 0)
        crash();
    if (wanted && strcmp(wanted, "sleep") == 0)
        milliseconds(50);
    if (flushing->count == HELD_LIMIT)
        return grapnel_fail(call, "more than %d events without a flush", HELD_LIMIT);
    struct held *held = &flushing->held[flushing->count++];
    held->id = strdup(grapnel_id(call));
    held->flush = flush ? strdup(flush) : NULL;
    return GRAPNEL_OK;
}

static int judge(struct grapnel_call *call, const struct flushing *flushing) {
    for (int i = 0; i < flushing->count; i++) {
        const char *wanted = flushing->held[i].flush, *id = flushing->held[i].id;
        if (!wanted)
            continue;
        if (strcmp(wanted, "retry") == 0)
            return grapnel_retry(call, 2000, "flush of %s says retry", id);
        if (strcmp(wanted, "fail") == 0)
            return grapnel_fail(call, "flush of %s says fail", id);
        if (strcmp(wanted, "busy") == 0)
            return grapnel_busy(call, 3000, "flush of %s says busy", id);
        if (strcmp(wanted, "segfault") == 0)
            crash();
        if (strcmp(wanted, "hang") == 0)
            for (;;)
                pause();
        if (strcmp(wanted, "closefds") == 0)
            for (int descriptor = 3; descriptor < 256; descriptor++)
                close(descriptor);
    }
    return GRAPNEL_OK;
}

static int flush(struct grapnel_call *call, void *self) {
    struct flushing *flushing = self;
    const char *line = "flush", *gate = grapnel_setting_text(call, "gate");
    while (gate && *gate && access(gate, F_OK) != 0)
        milliseconds(1);
    for (int i = 0; i < flushing->count; i++)
        line = grapnel_format(call, "%s %s", line, flushing->held[i].id);
    record(call, grapnel_format(call, "%s\n", line));
    int code = judge(call, flushing);
    for (int i = 0; i < flushing->count; i++) {
        free(flushing->held[i].id);
        free(flushing->held[i].flush);
    }
    flushing->count = 0;
    return code;
}

static void shutdown_flushing(struct grapnel_call *call, void *self) {
    record(call, "shutdown\n");
    free(self);
}

static const struct grapnel_setting settings[] = {
    RECORD_SETTING,
    { "gate", GRAPNEL_TEXT, "", "A file: flush waits until it exists" },
    { 0 },
};

GRAPNEL_PLUGIN(.name = "flushing", .version = "1.0.0", .summary = "Has a flush, and fails in it as told",
               .settings = settings, .init = init, .deliver = deliver, .flush = flush, .shutdown = shutdown_flushing);
