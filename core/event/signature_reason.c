/* Why a signature was refused, in words that a person can act on. */
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "event/signature_parts.h"

const char *header_names_text(const char *names, char text[HEADER_NAMES_SIZE]) {
    size_t length = 0;
    text[0] = '\0';
    while (*names && length < HEADER_NAMES_SIZE) {
        struct bytes name = header_name_take(&names);
        length += (size_t)snprintf(text + length, HEADER_NAMES_SIZE - length, "%s%.*s", length ? " or " : "",
                                   (int)name.length, name.data);
    }
    return text;
}

const char *age_text(int64_t seconds, char text[AGE_SIZE]) {
    static const struct {
        int64_t seconds;
        const char *name;
    } units[] = { { 24 * 3600, "days" }, { 3600, "hours" }, { 60, "minutes" }, { 1, "seconds" } };
    size_t unit = 0;
    while (seconds < 2 * units[unit].seconds && units[unit].seconds > 1)
        unit++;
    int64_t count = (seconds + units[unit].seconds / 2) / units[unit].seconds;
    snprintf(text, AGE_SIZE, "%lld %.*s", (long long)count, (int)strlen(units[unit].name) - (count == 1),
             units[unit].name);
    return text;
}

/* Which of the headers that a scheme reads stands more than once. */
static const char *doubled_header(const struct signature_scheme *scheme, const struct signature_request *request) {
    const char *const all[] = { scheme->header, scheme->timestamp_header, scheme->id_header };
    struct bytes value;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (all[i] && header_read(request, all[i], &value) == SIGNATURE_HEADER_DOUBLED)
            return all[i];
    }
    return scheme->header;
}

/* `v1={hex}`: the item that holds the digest, or the time. */
static const char *item_with(const struct signature_scheme *scheme, bool timestamp) {
    struct bytes prefix;
    for (int i = 0; i < SIGNATURE_ITEM_LIMIT && scheme->items[i]; i++) {
        if ((item_parse(scheme->items[i], &prefix) == PLACEHOLDER_TIMESTAMP) == timestamp)
            return scheme->items[i];
    }
    return "";
}

static void time_reason(const struct signature_report *report, int64_t now_ms, int64_t tolerance_ms,
                        struct fault *reason) {
    char age[AGE_SIZE], tolerance[UNITS_TEXT_SIZE];
    int64_t seconds = now_ms / 1000 - report->timestamp_s;
    duration_format(tolerance_ms, tolerance);
    fault_set(reason,
              "the signature is right, but was made %s %s by this machine's clock, and the tolerance is %s: is a clock "
              "off, or is this an old request again?",
              age_text(seconds < 0 ? -seconds : seconds, age), seconds < 0 ? "in the future" : "ago", tolerance);
}

void signature_reason(const struct signature_scheme *scheme, const struct signature_request *request,
                      enum signature_verdict verdict, const struct signature_report *report, int64_t now_ms,
                      int64_t tolerance_ms, struct fault *reason) {
    char text[HEADER_NAMES_SIZE];
    const char *header = header_names_text(scheme->header, text);
    switch (verdict) {
    case SIGNATURE_HEADER_MISSING:
        fault_set(reason, "the header %s, which holds the signature, is missing or empty", header);
        break;
    case SIGNATURE_HEADER_DOUBLED:
        fault_set(reason, "the header %s stands more than once",
                  header_names_text(doubled_header(scheme, request), text));
        break;
    case SIGNATURE_NO_CANDIDATE:
        fault_set(reason, "the header %s holds no signature of the form %s (%d bytes)", header,
                  item_with(scheme, false), (int)hash_size(scheme->hash));
        break;
    case SIGNATURE_TIMESTAMP_MISSING:
        if (scheme->timestamp_header)
            fault_set(reason, "the header %s, which holds the timestamp, is missing or empty",
                      header_names_text(scheme->timestamp_header, text));
        else
            fault_set(reason, "the header %s holds no timestamp of the form %s", header, item_with(scheme, true));
        break;
    case SIGNATURE_TIMESTAMP_MALFORMED:
        fault_set(reason, "the timestamp in the header %s is not one number of unix seconds",
                  scheme->timestamp_header ? header_names_text(scheme->timestamp_header, text) : header);
        break;
    case SIGNATURE_ID_MISSING:
        fault_set(reason, "the header %s, which holds the id that is signed, is missing or empty",
                  header_names_text(scheme->id_header, text));
        break;
    case SIGNATURE_MISMATCH:
        fault_set(reason,
                  "no signature in the header %s is right with any secret of the source: another secret, or another "
                  "body than was signed",
                  header);
        break;
    case SIGNATURE_TIMESTAMP_OLD:
    case SIGNATURE_TIMESTAMP_FUTURE:
        time_reason(report, now_ms, tolerance_ms, reason);
        break;
    case SIGNATURE_OK:
    case SIGNATURE_UNAVAILABLE:
        fault_set(reason, "%s", signature_verdict_text(verdict));
        break;
    }
}
