#include "admin/dead.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/fields.h"
#include "admin/lookup.h"
#include "admin/write.h"

enum { DEAD_PLUGIN, DEAD_LIMIT, DEAD_CURSOR, DEAD_FIELDS };

void dead_cursor_format(const struct store_cursor *cursor, bool open, char text[DEAD_CURSOR_SIZE]) {
    snprintf(text, DEAD_CURSOR_SIZE, "%s-%" PRId64 "-%d", open ? "open" : "dead", cursor->event, cursor->plugin);
}

bool dead_cursor_parse(const char *text, struct store_cursor *cursor, bool *open, struct api_answer *answer) {
    char again[DEAD_CURSOR_SIZE], *end = NULL;
    *cursor = (struct store_cursor){ 0 };
    *open = strncmp(text, "open-", strlen("open-")) == 0;
    if (*open || strncmp(text, "dead-", strlen("dead-")) == 0) {
        cursor->event = strtoll(text + strlen("dead-"), &end, 10);
        cursor->plugin = *end == '-' ? (int)strtol(end + 1, NULL, 10) : -1;
        dead_cursor_format(cursor, *open, again); /* strtol takes more than was ever given out */
        if (strcmp(text, again) == 0 && cursor->event >= 0 && cursor->plugin >= 0)
            return true;
    }
    api_refuse(answer, 400, "cursor: \"%.100s\" is none that an answer gave", text);
    return false;
}

struct listing {
    const struct api *api;
    struct buffer *body;
    struct write_clock clock;
    int told;
    struct store_cursor stopped_at; /* the first one that did not fit into the page any more; event 0: all did */
};

static void dead_told(void *context, const struct store_dead *dead) {
    struct listing *listing = context;
    if (listing->stopped_at.event == 0 && listing->told > 0 && listing->body->length > API_PAGE_BYTES)
        listing->stopped_at = (struct store_cursor){ dead->event, dead->standing->plugin, false };
    if (listing->stopped_at.event != 0)
        return;
    const struct write_event event = { dead->source, dead->id, dead->type };
    buffer_append_text(listing->body, listing->told++ == 0 ? "" : ",\n");
    write_delivery(listing->body, listing->api, &listing->clock, &event, dead->standing);
    buffer_append_text(listing->body, ",\"received\":");
    write_time(listing->body, dead->received_ms);
    buffer_append_text(listing->body, "}");
}

static void next_page(const struct field *fields, const struct store_cursor *cursor, struct api_answer *answer) {
    char text[DEAD_CURSOR_SIZE];
    write_next(answer, "/api/dead");
    if (fields[DEAD_PLUGIN].given)
        write_next_parameter(answer, "plugin", bytes_of(fields[DEAD_PLUGIN].text));
    if (fields[DEAD_LIMIT].given)
        write_next_number(answer, "limit", fields[DEAD_LIMIT].number);
    dead_cursor_format(cursor, false, text);
    write_next_parameter(answer, "cursor", bytes_of(text));
}

static void dead_list(const struct api *api, const struct field *fields, struct store_cursor cursor,
                      struct store_reader *reader, struct api_answer *answer) {
    struct listing listing = { .api = api, .body = &answer->body, .clock = write_clock_now(api->store) };
    int plugin = 0;
    if (fields[DEAD_PLUGIN].given) {
        plugin = lookup_plugin(reader, fields[DEAD_PLUGIN].text, answer);
        if (plugin == 0)
            return;
    }
    buffer_append_text(&answer->body, "[");
    if (!store_list_dead(reader, plugin, false, INT64_MAX, (int)fields[DEAD_LIMIT].number, &cursor, dead_told,
                         &listing)) {
        lookup_failed(answer);
        return;
    }
    buffer_append_text(&answer->body, "]\n");
    if (listing.stopped_at.event != 0)
        cursor = listing.stopped_at;
    if (!cursor.over)
        next_page(fields, &cursor, answer);
}

void dead_answer(const struct api *api, const struct api_request *request, struct api_answer *answer) {
    struct field fields[DEAD_FIELDS] = {
        [DEAD_PLUGIN] = { .name = "plugin" },
        [DEAD_LIMIT] = { .name = "limit", .kind = FIELD_LIMIT, .number = API_PAGE_DEFAULT },
        [DEAD_CURSOR] = { .name = "cursor" },
    };
    struct store_cursor cursor = { 0 };
    struct store_reader *reader;
    bool open = false;
    if (!fields_of_query(request, fields, DEAD_FIELDS, answer) ||
        (fields[DEAD_CURSOR].given && !dead_cursor_parse(fields[DEAD_CURSOR].text, &cursor, &open, answer)) ||
        (reader = lookup_reader(api, answer)) == NULL)
        return;
    dead_list(api, fields, cursor, reader, answer);
    store_reader_close(reader);
}
