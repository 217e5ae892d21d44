#include "cli/words.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"

enum { YEAR_LENGTH = sizeof "2026-" - 1, DAY_LENGTH = sizeof "2026-01-31" - 1, SECONDS_LENGTH = 19 };

static bool read_time(struct bytes at, int64_t *ms) {
    char text[CLOCK_TEXT_SIZE];
    if (at.length >= sizeof text)
        return false;
    snprintf(text, sizeof text, "%.*s", (int)at.length, at.data);
    return clock_parse(text, ms);
}

struct bytes words_date(struct bytes at, char text[WORDS_SIZE]) {
    int64_t ms;
    if (at.length == 0)
        return bytes_of("-");
    if (!read_time(at, &ms))
        return at;
    memcpy(text, at.data, SECONDS_LENGTH);
    text[DAY_LENGTH] = ' ';
    return (struct bytes){ text, SECONDS_LENGTH };
}

struct bytes words_moment(struct bytes at, int64_t now_ms, char text[WORDS_SIZE]) {
    char now[CLOCK_TEXT_SIZE];
    struct bytes date = words_date(at, text);
    clock_format(now_ms, now);
    if (date.data != text || memcmp(text, now, YEAR_LENGTH) != 0)
        return date;
    return (struct bytes){ text + YEAR_LENGTH, SECONDS_LENGTH - YEAR_LENGTH };
}

const char *words_distance(struct bytes at, int64_t now_ms, char text[WORDS_SIZE]) {
    int64_t ms;
    char span[WORDS_SIZE];
    if (!read_time(at, &ms))
        text[0] = '\0';
    else if (ms / 1000 > now_ms / 1000)
        snprintf(text, WORDS_SIZE, "in %.20s", words_span((ms / 1000 - now_ms / 1000) * 1000, span));
    else if (ms / 1000 < now_ms / 1000)
        snprintf(text, WORDS_SIZE, "%.20s ago", words_span((now_ms / 1000 - ms / 1000) * 1000, span));
    else
        snprintf(text, WORDS_SIZE, "now");
    return text;
}

const char *words_span(int64_t ms, char text[WORDS_SIZE]) {
    static const struct {
        int64_t ms, smaller_ms;
        const char *name, *smaller;
    } units[] = { { 86400000, 3600000, "d", "h" }, { 3600000, 60000, "h", "m" }, { 60000, 1000, "m", "s" } };
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        long long rest = (long long)(ms % units[i].ms / units[i].smaller_ms);
        if (ms < units[i].ms)
            continue;
        int length = snprintf(text, WORDS_SIZE, "%lld%s", (long long)(ms / units[i].ms), units[i].name);
        if (rest > 0)
            snprintf(text + length, (size_t)(WORDS_SIZE - length), "%lld%s", rest, units[i].smaller);
        return text;
    }
    if (ms < 1000)
        snprintf(text, WORDS_SIZE, "%lldms", (long long)ms);
    else if (ms < 10000 && ms % 1000 >= 100)
        snprintf(text, WORDS_SIZE, "%lld.%llds", (long long)(ms / 1000), (long long)(ms % 1000 / 100));
    else
        snprintf(text, WORDS_SIZE, "%llds", (long long)(ms / 1000));
    return text;
}

const char *words_size(int64_t bytes, char text[WORDS_SIZE]) {
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
    size_t unit = 0;
    double size = (double)bytes;
    for (; size >= 1024 && unit + 1 < sizeof units / sizeof *units; unit++)
        size /= 1024;
    snprintf(text, WORDS_SIZE, "%.*f %s", unit > 0 ? 1 : 0, size, units[unit]);
    return text;
}

const char *words_plural(int64_t count) {
    return count == 1 ? "" : "s";
}
