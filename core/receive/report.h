/* What was received and refused, as the log tells it once a minute. */
#ifndef RECEIVE_REPORT_H
#define RECEIVE_REPORT_H

#include "receive/intake.h"

struct report_told; /* what was told of one source so far */

struct report {
    struct intake *intake;
    struct report_told *told; /* as many as intake.sources */
    uint64_t unsent, turned_away;
    int64_t told_ms; /* monotonic */
};

/* False when memory is short. */
bool report_open(struct report *report, struct intake *intake);
void report_close(struct report *report);

/* To be called now and then, by one thread: once a minute, or with `now` at once, it logs what came since the last time,
 * and how many lines the limits of the log left out. Says nothing where nothing came. */
void report_tell(struct report *report, bool now);

#endif
