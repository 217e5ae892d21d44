/* Time, read and written down. */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

static int64_t microseconds(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_wall_ms(void) {
    return microseconds(CLOCK_REALTIME) / 1000;
}

int64_t clock_monotonic_ms(void) {
    return microseconds(CLOCK_MONOTONIC) / 1000;
}

int64_t clock_monotonic_us(void) {
    return microseconds(CLOCK_MONOTONIC);
}

void clock_format(int64_t wall_ms, char text[CLOCK_TEXT_SIZE]) {
    int64_t milliseconds = wall_ms % 1000;
    time_t seconds = wall_ms / 1000;
    if (milliseconds < 0) {
        milliseconds += 1000;
        seconds--;
    }
    struct tm date;
    if (!gmtime_r(&seconds, &date)) {
        snprintf(text, CLOCK_TEXT_SIZE, "%lld ms", (long long)wall_ms);
        return;
    }
    char day_and_time[CLOCK_TEXT_SIZE - 8];
    if (strftime(day_and_time, sizeof day_and_time, "%Y-%m-%dT%H:%M:%S", &date) == 0)
        day_and_time[0] = '\0';
    snprintf(text, CLOCK_TEXT_SIZE, "%s.%03dZ", day_and_time, (int)milliseconds);
}
