/* Writes down when each event came: `id attempt wall monotonic received`, times in microseconds but the last, which is in milliseconds, to the
 * file of setting `record`. Then it does what the event says at /data/object/do: `retry` (asking for /data/object/after_ms), `fail`,
 * `busy`, `segfault`; no longer once the file of setting `fixed` exists. And while the file of setting `hold` exists, it does nothing at all. */
#include <stdio.h>
#include <time.h>

#include "record.h"

static int64_t microseconds(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int exists(struct grapnel_call *call, const char *setting) {
    const char *path = grapnel_setting_text(call, setting);
    return path && *path && access(path, F_OK) == 0;
}

static int deliver(struct grapnel_call *call, void *self) {
    (void)self;
    const struct timespec moment = { .tv_nsec = 5000000 };
    record(call, grapnel_format(call, "%s %d %lld %lld %lld\n", grapnel_id(call), (int)grapnel_attempt(call),
                                (long long)microseconds(CLOCK_REALTIME), (long long)microseconds(CLOCK_MONOTONIC),
                                (long long)grapnel_received_ms(call)));
    while (exists(call, "hold"))
        nanosleep(&moment, NULL);
    const char *wanted = grapnel_text(call, "/data/object/do"), *after = grapnel_json(call, "/data/object/after_ms");
    if (!wanted || exists(call, "fixed"))
        return GRAPNEL_OK;
    if (strcmp(wanted, "retry") == 0)
        return grapnel_retry(call, after ? strtoll(after, NULL, 10) : 0, "told to retry %s", grapnel_id(call));
    if (strcmp(wanted, "busy") == 0)
        return grapnel_busy(call, 0, "told to be busy by %s", grapnel_id(call));
    if (strcmp(wanted, "segfault") == 0) {
        volatile int *volatile nowhere = NULL;
        *nowhere = 1;
    }
    return grapnel_fail(call, "told to fail %s", grapnel_id(call));
}

static const struct grapnel_setting settings[] = {
    RECORD_SETTING,
    { "fixed", GRAPNEL_TEXT, "", "A file: once it exists, nothing fails any more" },
    { "hold", GRAPNEL_TEXT, "", "A file: while it exists, deliveries do not end" },
    { 0 },
};

GRAPNEL_PLUGIN(.name = "stamp", .version = "1.0.0", .summary = "Writes down when each event came", .settings = settings,
               .deliver = deliver);
