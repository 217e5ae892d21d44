/* Rows of several tables, each in the order of their events: some propose events, some rule them out. Of all events the
 * table itself proposes; of those in a state the rows that make up that state do, so that a dead letter is found among
 * millions without passing them. For reader_list.c. */
#ifndef STORE_SQLITE_READER_STREAM_H
#define STORE_SQLITE_READER_STREAM_H

#include "store/sqlite/reader.h"

struct stream {
    sqlite3_stmt *query;
    int64_t event; /* where it stands; there is none further if `over` */
    bool over;
};

/* Zeroed but for the first line; closed with streams_close, also after a failure. */
struct streams {
    struct store_reader *reader;
    bool ascending;
    struct stream *list; /* the first `proposing` ones propose, the others rule out */
    int proposing, count;
};

/* Of events in that state (enum store_state; -1: all), from that event on. */
bool streams_open(struct streams *streams, int state, int64_t from);
void streams_close(struct streams *streams);
/* The next proposed event; false: there is none. *proposed: it may also be a place that was merely passed. */
bool streams_candidate(const struct streams *streams, int64_t *event, bool *proposed);
/* Goes on behind it. */
bool streams_pass(struct streams *streams, int64_t event);
bool streams_rule_out(struct streams *streams, int64_t event, bool *ruled_out);
/* The row that proposes, if it is the event's own, with received_ms, source and type from column 2 on; else null. */
sqlite3_stmt *streams_event_row(const struct streams *streams);
bool streams_is_before(const struct streams *streams, int64_t a, int64_t b);

#endif
