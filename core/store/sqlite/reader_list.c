/* Listing events: what the streams propose, filtered, page by page. */
#include "event/pattern.h"
#include "store/sqlite/reader_stream.h"

enum { TYPE_SLOTS = 256 };

struct walk {
    struct store_reader *reader;
    const struct store_filter *filter;
    struct streams streams;
    int64_t source; /* its number; 0: any */
    struct {
        int64_t number;
        bool matches;
    } types[TYPE_SLOTS]; /* what the pattern said of types seen lately */
};

static bool type_matches(struct walk *walk, int64_t type, bool *matches) {
    size_t slot = (size_t)type % TYPE_SLOTS;
    if (walk->types[slot].number != type) {
        sqlite3_stmt *query = reader_query(walk->reader, QUERY_NAME_TEXT);
        if (!query) {
            return false;
        }
        sqlite3_bind_int64(query, 1, type);
        if (sqlite3_step(query) != SQLITE_ROW) {
            return reader_failed(walk->reader, query, "an event's type has no name; it is damaged");
        }
        walk->types[slot].matches = pattern_matches(bytes_of(walk->filter->type), column_bytes(query, 0));
        walk->types[slot].number = type;
        walk->reader->rows -= READER_SEEK_ROWS;
        sqlite3_reset(query);
    }
    *matches = walk->types[slot].matches;
    return true;
}

/* Of a row with received_ms, source and type from that column on. */
static bool row_matches(struct walk *walk, sqlite3_stmt *row, int column, bool *matches) {
    const struct store_filter *filter = walk->filter;
    *matches = sqlite3_column_int64(row, column) >= filter->since_ms &&
               (walk->source == 0 || sqlite3_column_int64(row, column + 1) == walk->source);
    return !*matches || !filter->type || type_matches(walk, sqlite3_column_int64(row, column + 2), matches);
}

static bool event_matches(struct walk *walk, int64_t event, bool *matches) {
    const struct store_filter *filter = walk->filter;
    if (walk->source == 0 && !filter->type && filter->since_ms == 0) {
        *matches = true;
        return true;
    }
    sqlite3_stmt *own = streams_event_row(&walk->streams);
    if (own) {
        return row_matches(walk, own, 2, matches);
    }
    sqlite3_stmt *query = reader_query(walk->reader, QUERY_EVENT_LOOK);
    if (!query) {
        return false;
    }
    sqlite3_bind_int64(query, 1, event);
    int result = sqlite3_step(query);
    walk->reader->rows -= READER_SEEK_ROWS;
    *matches = false;
    if (result != SQLITE_ROW && result != SQLITE_DONE) {
        return reader_failed(walk->reader, query, NULL);
    }
    bool read = result == SQLITE_DONE || row_matches(walk, query, 0, matches);
    sqlite3_reset(query);
    return read;
}

/* Only the journal knows. */
static bool event_has_discarded(struct walk *walk, int64_t event, bool *has) {
    const struct reader_block *block = &walk->reader->block;
    *has = false;
    if (!block_load(walk->reader, event)) {
        return false;
    }
    for (int at = block_latest(block, event); at >= 0 && !*has; at = block->before[at]) {
        *has = block->entries[at].entry == STORE_ENTRY_DISCARDED || block->entries[at].entry == STORE_ENTRY_DEAD;
    }
    return true;
}

static bool listed_is_in_state(const struct store_listed *listed, int state) {
    if (state == STORE_STATE_DONE) {
        return listed->state == STORE_STATE_DONE;
    }
    bool is = state != STORE_STATE_DISCARDED;
    for (int i = 0; i < listed->standing_count; i++) {
        is |= listed->standings[i].state == STORE_STATE_DISCARDED;
    }
    return is;
}

/* *matches: is it to be told, and then `listed` is filled. The cheap questions come first. */
static bool walk_examine(struct walk *walk, int64_t event, bool *matches, struct store_listed *listed) {
    bool ruled_out, there;
    if (!event_matches(walk, event, matches) || !*matches) {
        return !*matches;
    }
    if (!streams_rule_out(&walk->streams, event, &ruled_out)) {
        return false;
    }
    *matches = !ruled_out;
    if (*matches && walk->filter->state == STORE_STATE_DISCARDED && !event_has_discarded(walk, event, matches)) {
        return false;
    }
    if (!*matches) {
        return true;
    }
    if (!event_list(walk->reader, event, listed, &there)) {
        return false;
    }
    *matches = there && listed_is_in_state(listed, walk->filter->state);
    return true;
}

/* The number of the source that is asked for; *any false: nothing has that source. */
static bool walk_find_source(struct walk *walk, bool *any) {
    struct bytes source = walk->filter->source;
    *any = true;
    if (!source.data) {
        return true;
    }
    sqlite3_stmt *query = reader_query(walk->reader, QUERY_NAME_FIND);
    if (!query) {
        return false;
    }
    sqlite3_bind_text64(query, 1, source.data, source.length, SQLITE_STATIC, SQLITE_UTF8);
    int result = sqlite3_step(query);
    if (result != SQLITE_ROW && result != SQLITE_DONE) {
        return reader_failed(walk->reader, query, NULL);
    }
    *any = result == SQLITE_ROW;
    walk->source = *any ? sqlite3_column_int64(query, 0) : 0;
    sqlite3_reset(query);
    return true;
}

/* Each call gets on by one event at least, however much that examines. */
static bool walk_run(struct walk *walk, int limit, int64_t last, int64_t *cursor,
                     void (*tell)(void *context, const struct store_listed *listed), void *context) {
    struct streams *streams = &walk->streams;
    int64_t event = 0;
    bool proposed, matches, looked = false;
    int told = 0;
    while (streams_candidate(streams, &event, &proposed) && !streams_is_before(streams, last, event)) {
        struct store_listed listed;
        if (told >= limit || (looked && reader_has_enough(walk->reader))) {
            *cursor = event;
            return true;
        }
        matches = false;
        if (proposed && !walk_examine(walk, event, &matches, &listed)) {
            return false;
        }
        if (matches) {
            tell(context, &listed);
            told++;
        }
        if (!streams_pass(streams, event)) {
            return false;
        }
        looked = true;
    }
    *cursor = -1;
    return true;
}

bool store_list_events(struct store_reader *reader, const struct store_filter *filter, bool ascending, int limit,
                       int64_t *cursor, void (*tell)(void *context, const struct store_listed *listed), void *context) {
    struct walk walk = {
        .reader = reader,
        .filter = filter,
        .streams = { .reader = reader, .ascending = ascending },
    };
    bool any = true;
    int64_t since = 0;
    bool listed = reader_begin(reader) && walk_find_source(&walk, &any);
    if (listed && any && filter->since_ms > 0) {
        since = find_since(reader, filter->since_ms);
        listed = since >= 0;
    }
    int64_t first = ascending ? since : INT64_MAX, last = ascending ? INT64_MAX : since;
    first = *cursor > 0 && streams_is_before(&walk.streams, first, *cursor) ? *cursor : first;
    if (listed && !any) {
        *cursor = -1;
    } else if (listed) {
        listed =
            streams_open(&walk.streams, filter->state, first) && walk_run(&walk, limit, last, cursor, tell, context);
    }
    streams_close(&walk.streams);
    return reader_end(reader) && listed;
}
