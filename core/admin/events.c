#include "admin/events.h"

#include "admin/fields.h"
#include "admin/lookup.h"
#include "admin/write.h"

enum { EVENTS_LIMIT = LOOKUP_FIELDS, EVENTS_CURSOR, EVENTS_FIELDS };

struct listing {
    const struct api *api;
    struct buffer *body;
    struct write_clock clock;
    int told;
    int64_t stopped_at; /* the first event that did not fit into the page any more; 0: all did */
};

static void event_told(void *context, const struct store_listed *listed) {
    struct listing *listing = context;
    if (listing->stopped_at == 0 && listing->told > 0 && listing->body->length > API_PAGE_BYTES)
        listing->stopped_at = listed->number;
    if (listing->stopped_at != 0)
        return;
    const struct write_event event = { listed->source, listed->id, listed->type };
    buffer_append_text(listing->body, listing->told++ == 0 ? "" : ",\n");
    write_event_begins(listing->body, listed);
    buffer_append_text(listing->body, ",\"deliveries\":[");
    for (int i = 0; i < listed->standing_count; i++) {
        buffer_append_text(listing->body, i == 0 ? "" : ",");
        write_delivery(listing->body, listing->api, &listing->clock, &event, &listed->standings[i]);
        buffer_append_text(listing->body, "}");
    }
    buffer_append_text(listing->body, "]}");
}

/* `since` is told as the moment that it was, so that all pages of "2h" have the same one. */
static void next_page(const struct field *fields, int64_t cursor, struct api_answer *answer) {
    write_next(answer, "/api/events");
    for (int i = LOOKUP_SOURCE; i <= LOOKUP_STATE; i++) {
        if (fields[i].given)
            write_next_parameter(answer, fields[i].name, bytes_of(fields[i].text));
    }
    if (fields[LOOKUP_SINCE].given) {
        struct buffer since = { 0 };
        write_time(&since, fields[LOOKUP_SINCE].number);
        if (since.length > 2) /* without its quotes */
            write_next_parameter(answer, "since", (struct bytes){ since.data + 1, since.length - 2 });
        buffer_free(&since);
    }
    if (fields[EVENTS_LIMIT].given)
        write_next_number(answer, "limit", fields[EVENTS_LIMIT].number);
    write_next_number(answer, "cursor", cursor);
}

static void events_list(const struct api *api, const struct field *fields, const struct store_filter *filter,
                        struct store_reader *reader, struct api_answer *answer) {
    int64_t cursor = fields[EVENTS_CURSOR].number;
    struct listing listing = { .api = api, .body = &answer->body, .clock = write_clock_now(api->store) };
    buffer_append_text(&answer->body, "[");
    if (!store_list_events(reader, filter, false, (int)fields[EVENTS_LIMIT].number, &cursor, event_told, &listing)) {
        lookup_failed(answer);
        return;
    }
    buffer_append_text(&answer->body, "]\n");
    if (listing.stopped_at != 0)
        cursor = listing.stopped_at;
    const struct field *source = &fields[LOOKUP_SOURCE];
    if (cursor > 0)
        next_page(fields, cursor, answer);
    else if (listing.told == 0 && source->given && !fields[EVENTS_CURSOR].given &&
             !lookup_source_is_configured(api, source->text))
        lookup_no_source(api, source->text, answer);
}

void events_answer(const struct api *api, const struct api_request *request, struct api_answer *answer) {
    struct field fields[EVENTS_FIELDS] = {
        LOOKUP_FIELD_ROWS,
        [EVENTS_LIMIT] = { .name = "limit", .kind = FIELD_LIMIT, .number = API_PAGE_DEFAULT },
        [EVENTS_CURSOR] = { .name = "cursor", .kind = FIELD_NUMBER },
    };
    struct store_filter filter;
    struct store_reader *reader;
    if (!fields_of_query(request, fields, EVENTS_FIELDS, answer) || !lookup_filter(fields, &filter, answer) ||
        (reader = lookup_reader(api, answer)) == NULL)
        return;
    events_list(api, fields, &filter, reader, answer);
    store_reader_close(reader);
}
