/* Listing dead letters, or one plugin's open deliveries, by the rows that they are. */
#include "store/sqlite/reader.h"

/* Of a row with event, plugin, attempts, crashes, replay and then dead_ms and reason, or due_ms. */
static struct store_standing row_standing(sqlite3_stmt *row, const char *plugin_name, bool open) {
    struct store_standing standing = {
        .plugin = sqlite3_column_int(row, 1),
        .plugin_name = plugin_name,
        .attempts = sqlite3_column_int(row, 2),
        .crashes = sqlite3_column_int(row, 3),
        .replay = sqlite3_column_int(row, 4),
    };
    if (open) {
        standing.state = standing.attempts > 0 ? STORE_STATE_RETRYING : STORE_STATE_PENDING;
        standing.due_ms = sqlite3_column_int64(row, 5);
    } else {
        standing.state = STORE_STATE_DEAD;
        standing.at_ms = sqlite3_column_int64(row, 5);
        standing.reason = (enum store_reason)sqlite3_column_int(row, 6);
    }
    return standing;
}

struct letters {
    struct store_reader *reader;
    bool open;
    int64_t until_ms;
    int limit, told;
    struct store_cursor *cursor;
    void (*tell)(void *context, const struct store_dead *dead);
    void *context;
};

static bool letter_tell(struct letters *letters, sqlite3_stmt *row) {
    struct store_reader *reader = letters->reader;
    int64_t event = sqlite3_column_int64(row, 0);
    struct store_listed listed;
    bool there;
    const char *name = reader_plugin_name(reader, sqlite3_column_int(row, 1));
    if (!name || !event_describe(reader, event, &listed, &there)) {
        return false;
    }
    if (!there) { /* then the others are told none the less */
        reader_failed(reader, NULL, "an event is missing of which there are deliveries; it is damaged");
        return true;
    }
    struct store_standing standing = row_standing(row, name, letters->open);
    if (standing.state != STORE_STATE_PENDING && !standing_add_error(reader, event, &standing)) {
        return false;
    }
    struct store_dead dead = {
        .event = event,
        .received_ms = listed.received_ms,
        .source = listed.source,
        .id = listed.id,
        .type = listed.type,
        .standing = &standing,
    };
    letters->tell(letters->context, &dead);
    letters->told++;
    return true;
}

/* The cursor is the row to go on with. */
static bool letters_read(struct letters *letters, sqlite3_stmt *rows) {
    struct store_cursor from = *letters->cursor;
    bool looked = false;
    int result;
    while ((result = sqlite3_step(rows)) == SQLITE_ROW) {
        struct store_cursor here = { .event = sqlite3_column_int64(rows, 0), .plugin = sqlite3_column_int(rows, 1) };
        if (here.event == from.event && here.plugin > from.plugin) {
            continue; /* no more than there are plugins */
        }
        if (letters->told >= letters->limit || (looked && reader_has_enough(letters->reader))) {
            *letters->cursor = here;
            return true;
        }
        bool late = !letters->open && sqlite3_column_int64(rows, 5) > letters->until_ms;
        if (!late && !letter_tell(letters, rows)) {
            return false;
        }
        letters->reader->rows--;
        looked = true;
    }
    letters->cursor->over = true;
    return result == SQLITE_DONE || reader_failed(letters->reader, NULL, NULL);
}

bool store_list_dead(struct store_reader *reader, int plugin, bool open, int64_t until_ms, int limit,
                     struct store_cursor *cursor, void (*tell)(void *context, const struct store_dead *dead),
                     void *context) {
    struct letters letters = {
        .reader = reader,
        .open = open,
        .until_ms = until_ms,
        .limit = limit,
        .cursor = cursor,
        .tell = tell,
        .context = context,
    };
    enum query which = open ? QUERY_OPEN_OF_PLUGIN : plugin > 0 ? QUERY_DEAD_OF_PLUGIN : QUERY_DEAD_OF_ALL;
    if (cursor->over) {
        return true;
    }
    sqlite3_stmt *rows = reader_begin(reader) ? reader_query(reader, which) : NULL;
    if (rows && which != QUERY_DEAD_OF_ALL) {
        sqlite3_bind_int(rows, 1, plugin);
    }
    bool listed = rows && sqlite3_bind_int64(rows, 2, cursor->event > 0 ? cursor->event : INT64_MAX) == SQLITE_OK &&
                  letters_read(&letters, rows);
    return reader_end(reader) && listed;
}
