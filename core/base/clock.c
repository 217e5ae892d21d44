/* Time, read and written down. */
#include "base/clock.h"

#include <stdio.h>
#include <string.h>
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

int64_t clock_boot_ms(void) {
    return microseconds(CLOCK_BOOTTIME) / 1000;
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

/* `text` against a pattern, in which 0 stands for any digit. */
static bool has_form(const char *text, const char *pattern) {
    for (; *pattern != '\0'; text++, pattern++) {
        bool digit = *text >= '0' && *text <= '9';
        if (*pattern == '0' ? !digit : *text != *pattern)
            return false;
    }
    return *text == '\0';
}

static int number_at(const char *text, int digits) {
    int number = 0;
    while (digits-- > 0)
        number = number * 10 + (*text++ - '0');
    return number;
}

bool clock_parse(const char *text, int64_t *wall_ms) {
    bool milliseconds = has_form(text, "0000-00-00T00:00:00.000Z");
    if (!milliseconds && !has_form(text, "0000-00-00T00:00:00Z"))
        return false;
    struct tm date = { .tm_year = number_at(text, 4) - 1900,
                       .tm_mon = number_at(text + 5, 2) - 1,
                       .tm_mday = number_at(text + 8, 2),
                       .tm_hour = number_at(text + 11, 2),
                       .tm_min = number_at(text + 14, 2),
                       .tm_sec = number_at(text + 17, 2) };
    int64_t found = (int64_t)timegm(&date) * 1000 + (milliseconds ? number_at(text + 20, 3) : 0);
    char again[CLOCK_TEXT_SIZE];
    clock_format(found, again); /* timegm takes a 31st of February for a 3rd of March */
    if (strncmp(text, again, sizeof "2026-01-31T12:00:00" - 1) != 0)
        return false;
    *wall_ms = found;
    return true;
}
