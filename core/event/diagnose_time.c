/* The time: how far it is off, or what came instead of one. */
#include <string.h>

#include "base/units.h"
#include "event/diagnose.h"
#include "event/signature_parts.h"

enum { HOUR_S = 3600, ZONE_LIMIT_S = 14 * HOUR_S, ZONE_SLACK_S = 90 };

static bool all_digits(struct bytes text) {
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
    }
    return text.length > 0;
}

/* What a text looks like that is no unix time in seconds. */
static void malformed_tell(struct bytes text, struct buffer *words) {
    static const struct {
        size_t digits;
        const char *unit;
    } units[] = { { 13, "milliseconds" }, { 16, "microseconds" }, { 19, "nanoseconds" } };
    for (size_t i = 0; all_digits(text) && i < sizeof units / sizeof *units; i++) {
        if (text.length == units[i].digits)
            buffer_format(words, "; it is in %s: the sender must send the seconds alone, %.10s", units[i].unit,
                          text.data);
    }
    if (text.length >= 10 && text.data[4] == '-')
        buffer_append_text(words, "; it is a date: the sender must send the seconds since 1970");
    else if (memchr(text.data, '.', text.length) && text.length > 10)
        buffer_append_text(words, "; it has a fraction: the sender must send whole seconds");
}

/* Off by whole hours, as a local time is that was taken for UTC. */
static bool looks_like_zone(int64_t off_s) {
    int64_t rest = (off_s + ZONE_SLACK_S) % HOUR_S;
    return off_s > HOUR_S - ZONE_SLACK_S && off_s <= ZONE_LIMIT_S + ZONE_SLACK_S && rest <= 2 * ZONE_SLACK_S;
}

static void time_off_tell(const struct diagnose *given, int64_t seconds, struct buffer *words) {
    char age[AGE_SIZE], tolerance[UNITS_TEXT_SIZE];
    int64_t off = given->now_ms / 1000 - seconds, distance = off < 0 ? -off : off;
    duration_format(given->tolerance_ms, tolerance);
    buffer_format(words, "%s %s, and the tolerance is %s", age_text(distance, age), off < 0 ? "in the future" : "old",
                  tolerance);
    if (looks_like_zone(distance))
        buffer_append_text(words, "; that is whole hours: is a local time sent as if it were UTC?");
    else if (off < 0)
        buffer_append_text(words, "; a clock is wrong, here or at the sender: compare both with `date -u`");
    else
        buffer_append_text(words,
                           "; a clock is wrong (compare with `date -u`), or the request waited or was sent again");
}

enum diagnose_result diagnose_timestamp(const struct diagnose *given, struct buffer *words) {
    const struct signature_scheme *scheme = given->scheme;
    struct signature_found found;
    struct fault reason = { .text = "" };
    int64_t seconds;
    if (!signature_has_timestamp(scheme)) {
        buffer_append_text(words, "this sender signs no time");
        return DIAGNOSE_SKIPPED;
    }
    enum signature_verdict verdict = signature_read(scheme, given->request, &found);
    if (!found.timestamp.data && scheme->timestamp_header)
        header_read(given->request, scheme->timestamp_header, &found.timestamp);
    if (!found.timestamp.data || found.timestamp.length == 0) {
        if (verdict == SIGNATURE_HEADER_MISSING && !scheme->timestamp_header) {
            buffer_append_text(words, "it stands in the header that is missing");
            return DIAGNOSE_SKIPPED;
        }
        if (verdict == SIGNATURE_HEADER_DOUBLED) {
            buffer_append_text(words, "a header came more than once");
            return DIAGNOSE_SKIPPED;
        }
        signature_reason(scheme, given->request, SIGNATURE_TIMESTAMP_MISSING, NULL, 0, 0, &reason);
        buffer_append_text(words, reason.text);
        return DIAGNOSE_REFUSED;
    }
    if (found.timestamps_differ) {
        buffer_append_text(words, "the header holds two times that differ");
        return DIAGNOSE_REFUSED;
    }
    if (!timestamp_parse(found.timestamp, &seconds)) {
        signature_reason(scheme, given->request, SIGNATURE_TIMESTAMP_MALFORMED, NULL, 0, 0, &reason);
        buffer_append_text(words, reason.text);
        malformed_tell(found.timestamp, words);
        return DIAGNOSE_REFUSED;
    }
    if (timestamp_judge(seconds, given->now_ms, given->tolerance_ms) == SIGNATURE_OK)
        return DIAGNOSE_OK;
    time_off_tell(given, seconds, words);
    return DIAGNOSE_REFUSED;
}
