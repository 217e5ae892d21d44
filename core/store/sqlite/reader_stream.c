/* The streams of store_list_events. */
#include <stdio.h>
#include <stdlib.h>

#include "store/sqlite/reader_stream.h"

enum { CATCH_UP_STEPS = 8 }; /* a stream that rules out and is further behind than this is looked up anew */

/* Of each what is selected, and by which column it is in order. The columns: event; is it not proposed; of an event
 * received_ms, source and type. */
struct stream_rows {
    const char *selected, *by;
};
static const struct stream_rows of_events = { "number, 0, received_ms, source, type FROM event WHERE 1", "number" };
static const struct stream_rows of_plugin = { "event, attempts > 0 FROM delivery WHERE plugin = ?2", "event" };
static const struct stream_rows of_retrying = {
    "event, 0 FROM delivery INDEXED BY delivery_retrying WHERE attempts > 0", "event"
};
static const struct stream_rows of_dead = { "event, 0 FROM dead INDEXED BY dead_event WHERE 1", "event" };
static const struct stream_rows of_unrouted = { "event, 0 FROM unrouted WHERE 1", "event" };

static bool stream_step(struct streams *streams, struct stream *stream) {
    int result = sqlite3_step(stream->query);
    streams->reader->rows--;
    stream->over = result != SQLITE_ROW;
    stream->event = stream->over ? 0 : sqlite3_column_int64(stream->query, 0);
    return result == SQLITE_ROW || result == SQLITE_DONE || reader_failed(streams->reader, NULL, NULL);
}

static bool stream_seek(struct streams *streams, struct stream *stream, int64_t from) {
    sqlite3_reset(stream->query);
    sqlite3_bind_int64(stream->query, 1, from);
    streams->reader->rows -= READER_SEEK_ROWS;
    return stream_step(streams, stream);
}

static bool stream_add(struct streams *streams, const struct stream_rows *rows, int plugin, int64_t from) {
    struct store_reader *reader = streams->reader;
    struct stream *stream = &streams->list[streams->count];
    char query[256];
    snprintf(query, sizeof query, "SELECT %s AND %s %s ?1 ORDER BY %s %s", rows->selected, rows->by,
             streams->ascending ? ">=" : "<=", rows->by, streams->ascending ? "ASC" : "DESC");
    if (sqlite3_prepare_v2(reader->database, query, -1, &stream->query, NULL) != SQLITE_OK) {
        return reader_failed(reader, NULL, NULL);
    }
    streams->count++;
    if (plugin > 0) {
        sqlite3_bind_int(stream->query, 2, plugin);
    }
    return stream_seek(streams, stream, from);
}

static bool streams_add_plugins(struct streams *streams, int64_t from) {
    bool added = true;
    for (int i = 0; i < streams->reader->plugin_count && added; i++) {
        added = stream_add(streams, &of_plugin, streams->reader->plugins[i].number, from);
    }
    return added;
}

bool streams_open(struct streams *streams, int state, int64_t from) {
    static const struct stream_rows *const proposing[STORE_STATES] = {
        [STORE_STATE_RETRYING] = &of_retrying,
        [STORE_STATE_DEAD] = &of_dead,
        [STORE_STATE_UNROUTED] = &of_unrouted,
    };
    if (!reader_plugins(streams->reader)) {
        return false;
    }
    enum { OTHERS = 3 }; /* at most, beside those of the plugins */
    streams->list = calloc((size_t)streams->reader->plugin_count + OTHERS, sizeof *streams->list);
    if (!streams->list) {
        return reader_failed(streams->reader, NULL, "out of memory");
    }
    const struct stream_rows *rows =
        state >= 0 && state < STORE_STATES && proposing[state] ? proposing[state] : &of_events;
    bool opened =
        state == STORE_STATE_PENDING ? streams_add_plugins(streams, from) : stream_add(streams, rows, 0, from);
    streams->proposing = streams->count;
    if (opened && state == STORE_STATE_DONE) {
        opened = streams_add_plugins(streams, from) && stream_add(streams, &of_dead, 0, from) &&
                 stream_add(streams, &of_unrouted, 0, from);
    }
    return opened;
}

void streams_close(struct streams *streams) {
    for (int i = 0; streams->list && i < streams->count; i++) {
        sqlite3_finalize(streams->list[i].query);
    }
    free(streams->list);
}

bool streams_is_before(const struct streams *streams, int64_t a, int64_t b) {
    return streams->ascending ? a < b : a > b;
}

bool streams_candidate(const struct streams *streams, int64_t *event, bool *proposed) {
    bool there = false;
    *proposed = false;
    for (int i = 0; i < streams->proposing; i++) {
        const struct stream *stream = &streams->list[i];
        if (stream->over || (there && streams_is_before(streams, *event, stream->event))) {
            continue;
        }
        bool proposes = sqlite3_column_int(stream->query, 1) == 0;
        *proposed = there && stream->event == *event ? *proposed || proposes : proposes;
        *event = stream->event;
        there = true;
    }
    return there;
}

bool streams_pass(struct streams *streams, int64_t event) {
    bool stepped = true;
    for (int i = 0; i < streams->proposing && stepped; i++) {
        while (stepped && !streams->list[i].over && streams->list[i].event == event) {
            stepped = stream_step(streams, &streams->list[i]);
        }
    }
    return stepped;
}

bool streams_rule_out(struct streams *streams, int64_t event, bool *ruled_out) {
    *ruled_out = false;
    for (int i = streams->proposing; i < streams->count; i++) {
        struct stream *stream = &streams->list[i];
        for (int steps = 0; !stream->over && streams_is_before(streams, stream->event, event); steps++) {
            if (steps < CATCH_UP_STEPS ? !stream_step(streams, stream) : !stream_seek(streams, stream, event)) {
                return false;
            }
        }
        *ruled_out |= !stream->over && stream->event == event;
    }
    return true;
}

sqlite3_stmt *streams_event_row(const struct streams *streams) {
    sqlite3_stmt *row = streams->list[0].query;
    return sqlite3_column_count(row) > 2 ? row : NULL;
}
