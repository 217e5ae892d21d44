/* The lines of a start and a stop. Counts are bounded: a backlog of millions must not delay a start. */
#include "daemon/announce.h"

#include "base/bytes.h"

/* Beyond it nobody needs the number, and counting would take its time. */
enum { ANNOUNCE_COUNT_LIMIT = 1000000 };

void announce_sources(struct log *log, const struct setup *setup) {
    struct buffer line = { 0 };
    for (int i = 0; i < setup->source_count; i++)
        buffer_format(&line, "%s%s at %s", i ? ", " : "", setup->sources[i].name, setup->sources[i].path);
    if (line.length > 0)
        log_info(log, "sources: %s", buffer_text(&line));
    buffer_free(&line);
}

void announce_waiting(struct log *log, struct store *store, const char *meaning) {
    int64_t waiting = store_waiting(store, ANNOUNCE_COUNT_LIMIT + 1);
    if (waiting > 0)
        log_info(log, "deliveries that wait: %s%lld; %s", waiting > ANNOUNCE_COUNT_LIMIT ? "over " : "",
                 (long long)(waiting > ANNOUNCE_COUNT_LIMIT ? ANNOUNCE_COUNT_LIMIT : waiting), meaning);
}

void announce_parked(struct log *log, const struct setup *setup, struct store *store, const int *numbers) {
    int64_t parked = store_parked(store, numbers, setup->plugin_count);
    if (parked > 0)
        log_warn(log,
                 "deliveries of plugins that are no longer in %s: %lld; they are kept, and go on when the plugins are "
                 "back",
                 setup->path, (long long)parked);
}
