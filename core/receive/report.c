/* What was received and refused since the last time: one line a source. */
#include "receive/report.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "receive/porch.h"

enum { REPORT_EVERY_MS = 60 * 1000 };

struct report_told {
    uint64_t results[ANSWER_COUNT], secrets[SIGNATURE_SECRET_LIMIT], unrouted;
};

bool report_open(struct report *report, struct intake *intake) {
    report->intake = intake;
    report->told_ms = clock_monotonic_ms();
    report->told = calloc((size_t)intake->options.setup->source_count + 1, sizeof(*report->told));
    return report->told != NULL;
}

void report_close(struct report *report) {
    free(report->told);
    report->told = NULL;
}

/* How much a count has grown since it was told. */
static uint64_t grown(const _Atomic uint64_t *count, uint64_t *told) {
    uint64_t now = atomic_load_explicit(count, memory_order_relaxed), before = *told;
    *told = now;
    return now - before;
}

/* Which secret signed matters while there are several: the one that nobody signs with any more can go. */
static void tell_secrets(struct report *report, int source, struct buffer *line) {
    const struct setup *setup = report->intake->options.setup;
    int count = source < setup->source_count ? setup->sources[source].key_count : 0;
    for (int i = 0; i < count; i++) {
        uint64_t since = grown(&report->intake->sources[source].secrets[i], &report->told[source].secrets[i]);
        if (count > 1)
            buffer_format(line, "%ssecret %d: %llu", i == 0 ? "; signed with " : ", ", i + 1,
                          (unsigned long long)since);
    }
}

static void tell_source(struct report *report, int source, int64_t seconds) {
    struct intake_source *counted = &report->intake->sources[source];
    struct report_told *told = &report->told[source];
    struct buffer line = { 0 }, refusals = { 0 };
    uint64_t since[ANSWER_COUNT], all = 0, refused = 0;
    for (int answer = 0; answer < ANSWER_COUNT; answer++) {
        const struct answer_row *row = answer_row(answer);
        since[answer] = grown(&counted->results[answer], &told->results[answer]);
        all += since[answer];
        if (row->status < 400 || since[answer] == 0)
            continue;
        buffer_format(&refusals, "%s%llu %s", refused == 0 ? " (" : ", ", (unsigned long long)since[answer], row->name);
        refused += since[answer];
    }
    buffer_format(&line, "%llu accepted", (unsigned long long)since[ANSWER_ACCEPTED]);
    uint64_t unrouted = grown(&counted->unrouted, &told->unrouted);
    if (unrouted > 0)
        buffer_format(&line, " (%llu unrouted)", (unsigned long long)unrouted);
    buffer_format(&line, ", %llu duplicate", (unsigned long long)since[ANSWER_DUPLICATE] + since[ANSWER_CONFLICT]);
    if (since[ANSWER_CONFLICT] > 0)
        buffer_format(&line, " (%llu conflict)", (unsigned long long)since[ANSWER_CONFLICT]);
    if (since[ANSWER_CHALLENGE] > 0)
        buffer_format(&line, ", %llu challenge", (unsigned long long)since[ANSWER_CHALLENGE]);
    buffer_format(&line, ", %llu refused%s%s", (unsigned long long)refused, buffer_text(&refusals),
                  refused > 0 ? ")" : "");
    tell_secrets(report, source, &line);
    bool named = counted->name.length > 0;
    const struct log_field fields[] = {
        log_text(LOG_SOURCE, named ? counted->name.data : NULL),
        log_number(LOG_SECONDS, seconds),
        log_number(LOG_ACCEPTED, (int64_t)since[ANSWER_ACCEPTED]),
        log_number(LOG_UNROUTED, (int64_t)unrouted),
        log_number(LOG_DUPLICATE, (int64_t)(since[ANSWER_DUPLICATE] + since[ANSWER_CONFLICT])),
        log_number(LOG_REFUSED, (int64_t)refused),
    };
    if (all > 0)
        log_event(report->intake->options.log, LOG_LEVEL_INFO, NULL, fields, sizeof fields / sizeof *fields,
                  "in the last %lld s, %s%s: %s", (long long)seconds, named ? "source " : "no source",
                  counted->name.data, buffer_text(&line));
    buffer_free(&line);
    buffer_free(&refusals);
}

static void tell_left_out(struct intake *intake, int source, bool now) {
    struct intake_source *counted = &intake->sources[source];
    char what[EVENT_NAME_LIMIT + 64];
    bool named = counted->name.length > 0;
    snprintf(what, sizeof(what), "refusals, %s%s", named ? "source " : "no source", counted->name.data);
    log_limit_tell(intake->options.log, &counted->refusal_lines, now, what);
    snprintf(what, sizeof(what), "events without a route, source %s", counted->name.data);
    log_limit_tell(intake->options.log, &counted->unrouted_lines, now, what);
    snprintf(what, sizeof(what), "events that came again changed, source %s", counted->name.data);
    log_limit_tell(intake->options.log, &counted->doubt_lines, now, what);
}

void report_tell(struct report *report, bool now) {
    struct intake *intake = report->intake;
    int64_t now_ms = clock_monotonic_ms(), since_ms = now_ms - report->told_ms;
    bool due = now || since_ms >= REPORT_EVERY_MS;
    if (due)
        report->told_ms = now_ms;
    for (int source = 0; source <= intake->options.setup->source_count; source++) {
        if (due)
            tell_source(report, source, (since_ms + 999) / 1000);
        tell_left_out(intake, source, now);
    }
    log_limit_tell(intake->options.log, &intake->connection_lines, now, "connections");
    uint64_t away = due ? porch_turned_away(intake->porch) : report->turned_away;
    if (away > report->turned_away)
        log_warn(
            intake->options.log,
            "in the last %lld s, %llu connections were closed at once: too many, or of addresses that no source allows",
            (long long)((since_ms + 999) / 1000), (unsigned long long)(away - report->turned_away));
    report->turned_away = away;
    uint64_t unsent = due ? grown(&intake->unsent, &report->unsent) : 0;
    if (unsent > 0)
        log_info(intake->options.log, "in the last %lld s, %llu answers found no sender any more to take them",
                 (long long)((since_ms + 999) / 1000), (unsigned long long)unsent);
}
