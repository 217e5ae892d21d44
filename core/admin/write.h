/* What the answers of several rows have in common: texts and times in JSON, deliveries and events, the link to the next page. */
#ifndef ADMIN_WRITE_H
#define ADMIN_WRITE_H

#include "admin/api.h"
#include "store/store.h"

/* Beyond so many bytes a page ends, however many events or deliveries were asked for: one more of them, however large, still fits into
 * API_ANSWER_LIMIT. */
enum { API_PAGE_BYTES = 1024 * 1024 };

/* A JSON string; null for a null text. */
void write_text(struct buffer *body, const char *text);
void write_bytes(struct buffer *body, struct bytes text);
/* "2026-01-31T12:00:00.000Z"; null for 0. */
void write_time(struct buffer *body, int64_t wall_ms);
/* Milliseconds with three digits behind the point; null for 0. */
void write_milliseconds(struct buffer *body, int64_t microseconds);

/* The store's clock and the wall clock, as they stood at one moment: due times are told as wall times. */
struct write_clock {
    int64_t store_ms, wall_ms;
};
struct write_clock write_clock_now(const struct store *store);

/* Whose delivery it is. */
struct write_event {
    struct bytes source, id, type;
};
/* A delivery or dead letter, but for its closing brace, so that more can follow. */
void write_delivery(struct buffer *body, const struct api *api, const struct write_clock *clock,
                    const struct write_event *event, const struct store_standing *standing);
/* The members of an event as far as `size`, with its opening brace. */
void write_event_begins(struct buffer *body, const struct store_listed *listed);

/* The answer's `next`: begins with the path, then a parameter at a time. */
void write_next(struct api_answer *answer, const char *path);
void write_next_parameter(struct api_answer *answer, const char *name, struct bytes value);
void write_next_number(struct api_answer *answer, const char *name, int64_t value);

#endif
