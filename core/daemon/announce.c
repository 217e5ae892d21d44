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

static void announce_count(struct log *log, enum log_level level, int64_t count, const char *what,
                           const char *meaning) {
    bool over = count > ANNOUNCE_COUNT_LIMIT;
    if (count > 0)
        log_write(log, level, "%s: %s%lld; %s", what, over ? "over " : "",
                  (long long)(over ? ANNOUNCE_COUNT_LIMIT : count), meaning);
}

void announce_deliveries(struct log *log, const struct setup *setup, struct store *store, const int *numbers,
                         const char *meaning) {
    int64_t parked = store_parked(store, numbers, setup->plugin_count, ANNOUNCE_COUNT_LIMIT + 1);
    int64_t open = store_waiting(store, ANNOUNCE_COUNT_LIMIT + 1 + parked);
    announce_count(log, LOG_LEVEL_INFO, open - parked, "deliveries that wait", meaning);
    announce_count(log, LOG_LEVEL_WARN, parked, "deliveries of plugins that are no longer in the config",
                   "they are kept, and go on when the plugins are back");
}
