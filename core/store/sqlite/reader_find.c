/* Finding one event: by its source and id, through what deduplication knows; and the first one since a time. */
#include <string.h>

#include "store/sqlite/dedup.h"
#include "store/sqlite/reader.h"

enum { SCAN_ROWS = 20000 }; /* of events that deduplication has forgotten; there are few of them, see below */

/* What is looked for. */
struct finding {
    struct store_reader *reader;
    struct bytes source, id;
    int64_t source_number;
    struct digest_entry digest;
    int64_t event; /* 0: not found */
};

/* Guards are in the same tables, and the event may be gone: only its row proves it. */
static bool finding_verify(struct finding *finding, int64_t event) {
    sqlite3_stmt *query = reader_query(finding->reader, QUERY_EVENT_IS);
    if (!query) {
        return false;
    }
    sqlite3_bind_int64(query, 1, event);
    sqlite3_bind_int64(query, 2, finding->source_number);
    sqlite3_bind_text64(query, 3, finding->id.data, finding->id.length, SQLITE_STATIC, SQLITE_UTF8);
    int result = sqlite3_step(query);
    if (result != SQLITE_ROW && result != SQLITE_DONE) {
        return reader_failed(finding->reader, query, NULL);
    }
    sqlite3_reset(query);
    finding->event = result == SQLITE_ROW ? event : 0;
    return true;
}

static bool finding_source(struct finding *finding) {
    sqlite3_stmt *query = reader_query(finding->reader, QUERY_NAME_FIND);
    if (!query) {
        return false;
    }
    sqlite3_bind_text64(query, 1, finding->source.data, finding->source.length, SQLITE_STATIC, SQLITE_UTF8);
    int result = sqlite3_step(query);
    if (result != SQLITE_ROW && result != SQLITE_DONE) {
        return reader_failed(finding->reader, query, NULL);
    }
    finding->source_number = result == SQLITE_ROW ? sqlite3_column_int64(query, 0) : 0;
    sqlite3_reset(query);
    return true;
}

/* The event of the entry with this digest; 0: there is none. */
static int64_t keys_search(struct bytes keys, const struct digest_entry *digest) {
    const unsigned char *packed = (const unsigned char *)keys.data;
    for (size_t at = 0; at + DEDUP_ENTRY_SIZE <= keys.length; at += DEDUP_ENTRY_SIZE) {
        struct digest_entry entry = dedup_unpack(packed + at);
        if (digest_compare(&entry, digest) == 0) {
            return entry.event;
        }
    }
    return 0;
}

/* What is in no run yet: at most twice as many keys as a run has. */
static bool finding_in_recent(struct finding *finding) {
    sqlite3_stmt *query = reader_query(finding->reader, QUERY_DEDUP_RECENT);
    if (!query) {
        return false;
    }
    int result = SQLITE_ROW;
    while (finding->event == 0 && (result = sqlite3_step(query)) == SQLITE_ROW) {
        int64_t event = keys_search(column_bytes(query, 0), &finding->digest);
        if (event != 0 && !finding_verify(finding, event)) {
            sqlite3_reset(query);
            return false;
        }
    }
    if (finding->event == 0 && result != SQLITE_DONE) {
        return reader_failed(finding->reader, query, NULL);
    }
    sqlite3_reset(query);
    return true;
}

static bool finding_in_run(struct finding *finding, int64_t run) {
    sqlite3_stmt *query = reader_query(finding->reader, QUERY_DEDUP_PAGE);
    if (!query) {
        return false;
    }
    sqlite3_bind_int64(query, 1, run * DEDUP_RUN_PAGES + dedup_run_page(&finding->digest));
    int result = sqlite3_step(query);
    if (result != SQLITE_ROW && result != SQLITE_DONE) {
        return reader_failed(finding->reader, query, NULL);
    }
    int64_t event = result == SQLITE_ROW ? keys_search(column_bytes(query, 0), &finding->digest) : 0;
    sqlite3_reset(query);
    return event == 0 || finding_verify(finding, event);
}

/* The latest first; *oldest: up to which event the oldest one reaches. One page of each is looked at, without its filter,
 * which is much larger than the page. */
static bool finding_in_runs(struct finding *finding, int64_t *oldest) {
    sqlite3_stmt *query = reader_query(finding->reader, QUERY_DEDUP_RUNS);
    if (!query) {
        return false;
    }
    int result = SQLITE_ROW;
    while (finding->event == 0 && (result = sqlite3_step(query)) == SQLITE_ROW) {
        *oldest = sqlite3_column_int64(query, 1);
        if (!finding_in_run(finding, sqlite3_column_int64(query, 0))) {
            sqlite3_reset(query);
            return false;
        }
    }
    if (finding->event == 0 && result != SQLITE_DONE) {
        return reader_failed(finding->reader, query, NULL);
    }
    sqlite3_reset(query);
    return true;
}

/* An event may outlive its digest: when a dead letter or an open delivery holds it. The oldest events are looked through,
 * up to the end of the oldest run; all that is not held there is deleted by the time that runs are dropped. */
static bool finding_in_oldest(struct finding *finding, int64_t oldest) {
    sqlite3_stmt *query = reader_query(finding->reader, QUERY_EVENTS_UP);
    if (!query) {
        return false;
    }
    int result = SQLITE_DONE, rows = 0;
    while (finding->event == 0 && rows++ < SCAN_ROWS && (result = sqlite3_step(query)) == SQLITE_ROW) {
        int64_t event = sqlite3_column_int64(query, 0);
        if (event > oldest) {
            break;
        }
        if (sqlite3_column_int64(query, 1) == finding->source_number &&
            bytes_equal(column_bytes(query, 2), finding->id)) {
            finding->event = event;
        }
    }
    if (result != SQLITE_ROW && result != SQLITE_DONE) {
        return reader_failed(finding->reader, query, NULL);
    }
    sqlite3_reset(query);
    return true;
}

int64_t store_find(struct store_reader *reader, struct bytes source, struct bytes id) {
    unsigned char digest[EVENT_DIGEST_SIZE];
    event_digest(source, id, digest);
    struct finding finding = {
        .reader = reader,
        .source = source,
        .id = id,
        .digest = digest_entry_of(digest, 0, 0),
    };
    int64_t oldest = INT64_MAX; /* without a run: of all */
    bool read = reader_begin(reader) && finding_source(&finding);
    if (read && finding.source_number != 0) {
        read = finding_in_recent(&finding) && (finding.event != 0 || finding_in_runs(&finding, &oldest)) &&
               (finding.event != 0 || finding_in_oldest(&finding, oldest));
    }
    return reader_end(reader) && read ? finding.event : -1;
}

/* The first event from that number on: false on error; *number 0 if there is none. */
static bool event_from(struct store_reader *reader, int64_t from, int64_t *number, int64_t *received_ms) {
    sqlite3_stmt *query = reader_query(reader, QUERY_EVENT_FROM);
    if (!query) {
        return false;
    }
    sqlite3_bind_int64(query, 1, from);
    int result = sqlite3_step(query);
    if (result != SQLITE_ROW && result != SQLITE_DONE) {
        return reader_failed(reader, query, NULL);
    }
    *number = result == SQLITE_ROW ? sqlite3_column_int64(query, 0) : 0;
    *received_ms = result == SQLITE_ROW ? sqlite3_column_int64(query, 1) : 0;
    sqlite3_reset(query);
    return true;
}

/* Numbers and times grow together, but for what the wall clock was set back in between: then it is one of the places where
 * they meet. */
int64_t find_since(struct store_reader *reader, int64_t received_ms) {
    int64_t low = 0, high = 0, number = 0, received = 0;
    if (!reader_integer(reader, QUERY_EVENT_LAST, -1, &high)) {
        return -1;
    }
    high++;
    while (low < high) { /* all below low are older; the first from high on is not, or there is none */
        int64_t middle = low + (high - low) / 2;
        if (!event_from(reader, middle, &number, &received)) {
            return -1;
        }
        if (number == 0 || received >= received_ms) {
            high = middle;
        } else {
            low = number + 1;
        }
    }
    if (!event_from(reader, low, &number, &received)) {
        return -1;
    }
    return number > 0 ? number : INT64_MAX;
}

int64_t store_find_since(struct store_reader *reader, int64_t received_ms) {
    int64_t number = reader_begin(reader) ? find_since(reader, received_ms) : -1;
    return reader_end(reader) ? number : -1;
}
