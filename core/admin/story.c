/* One event: its headers, each delivery with its failed attempts, and what was settled when. Or its payload alone. */
#include <inttypes.h>
#include <string.h>

#include "admin/events.h"
#include "admin/fields.h"
#include "admin/lookup.h"
#include "admin/write.h"

enum { STORY_PART, STORY_FIELDS };

/* Takes one "name: value\n" off the front. */
static bool header_take(struct bytes *rest, struct bytes *name, struct bytes *value) {
    const char *end = memchr(rest->data, '\n', rest->length);
    size_t length = end != NULL ? (size_t)(end - rest->data) : rest->length;
    const char *colon = memchr(rest->data, ':', length);
    if (rest->length == 0)
        return false;
    *name = (struct bytes){ rest->data, colon != NULL ? (size_t)(colon - rest->data) : length };
    size_t before = name->length + 2 < length ? name->length + 2 : length;
    *value = (struct bytes){ rest->data + before, length - before };
    rest->data += length + (end != NULL);
    rest->length -= length + (end != NULL);
    return true;
}

static bool header_is_among(struct bytes headers, struct bytes wanted) {
    struct bytes name, value;
    while (header_take(&headers, &name, &value)) {
        if (bytes_equal(name, wanted))
            return true;
    }
    return false;
}

/* A header that came several times is told once, its values joined as HTTP has it. */
static void headers_write(struct buffer *body, struct bytes headers) {
    struct bytes rest = headers, name, value, other;
    buffer_append_text(body, ",\"headers\":{");
    for (bool first = true; header_take(&rest, &name, &value);) {
        struct bytes later = rest;
        if (header_is_among((struct bytes){ headers.data, (size_t)(name.data - headers.data) }, name))
            continue;
        buffer_append_text(body, first ? "" : ",");
        first = false;
        write_bytes(body, name);
        buffer_append_text(body, ":\"");
        buffer_append_json_escaped(body, value);
        while (header_take(&later, &other, &value)) {
            if (!bytes_equal(name, other))
                continue;
            buffer_append_text(body, ", ");
            buffer_append_json_escaped(body, value);
        }
        buffer_append_text(body, "\"");
    }
    buffer_append_text(body, "}");
}

static void attempt_write(struct buffer *body, const struct store_attempt *attempt) {
    buffer_format(body, "{\"sequence\":%d,\"attempt\":%d,\"at\":", attempt->sequence, attempt->attempt);
    write_time(body, attempt->at_ms);
    buffer_format(body, ",\"outcome\":\"%s\",\"error\":", store_outcome_text(attempt->outcome));
    write_text(body, attempt->detail != NULL && attempt->detail[0] != '\0' ? attempt->detail : NULL);
    buffer_append_text(body, ",\"duration_ms\":");
    write_milliseconds(body, attempt->duration_us);
    buffer_append_text(body, "}");
}

static void standing_write(struct buffer *body, const struct api *api, const struct write_clock *clock,
                           const struct store_story *story, const struct store_standing *standing) {
    const struct write_event event = { story->listed.source, story->listed.id, story->listed.type };
    char key[EVENT_KEY_SIZE];
    bool first = true;
    write_delivery(body, api, clock, &event, standing);
    event_key(event.source, event.id, standing->plugin_name, standing->replay, key);
    buffer_format(body, ",\"key\":\"%s\",\"history\":[", key);
    for (int i = 0; i < story->attempt_count; i++) {
        if (story->attempts[i].plugin != standing->plugin)
            continue;
        buffer_append_text(body, first ? "" : ",");
        first = false;
        attempt_write(body, &story->attempts[i]);
    }
    buffer_append_text(body, "]}");
}

static void journal_write(struct buffer *body, const struct store_story *story, const struct lookup_plugins *plugins) {
    static const char *const entries[] = {
        [STORE_ENTRY_DONE] = "done",           [STORE_ENTRY_DEAD] = "dead",         [STORE_ENTRY_RETRIED] = "retried",
        [STORE_ENTRY_DISCARDED] = "discarded", [STORE_ENTRY_REPLAYED] = "replayed",
    };
    buffer_append_text(body, ",\"journal\":[");
    for (int i = 0; i < story->journal_count; i++) {
        const struct store_journal_entry *entry = &story->journal[i];
        buffer_append_text(body, i == 0 ? "{\"plugin\":" : ",{\"plugin\":");
        write_text(body, lookup_plugin_name(plugins, entry->plugin));
        buffer_format(body, ",\"entry\":\"%s\",\"attempts\":%d,\"at\":", entries[entry->entry], entry->attempts);
        write_time(body, entry->at_ms);
        buffer_append_text(body, ",\"duration_ms\":");
        write_milliseconds(body, entry->duration_us);
        buffer_append_text(body, "}");
    }
    buffer_append_text(body, "]");
}

static void story_write(const struct api *api, const struct store_story *story, const struct lookup_plugins *plugins,
                        struct buffer *body) {
    struct write_clock clock = write_clock_now(api->store);
    write_event_begins(body, &story->listed);
    buffer_format(body, ",\"secret\":%d", story->listed.secret);
    headers_write(body, story->event->headers);
    buffer_append_text(body, ",\"deliveries\":[");
    for (int i = 0; i < story->listed.standing_count; i++) {
        buffer_append_text(body, i == 0 ? "" : ",");
        standing_write(body, api, &clock, story, &story->listed.standings[i]);
    }
    buffer_append_text(body, "]");
    journal_write(body, story, plugins);
    buffer_append_text(body, "}\n");
}

static void story_tell(const struct api *api, struct store_reader *reader, int64_t number, bool only_body,
                       struct api_answer *answer) {
    struct lookup_plugins plugins = { 0 };
    bool failed = false;
    /* Names first: the story stays valid only until the reader is used again. */
    if (!only_body && !lookup_plugins_read(reader, &plugins, answer)) {
        lookup_plugins_free(&plugins);
        return;
    }
    const struct store_story *story = store_read_story(reader, number, &failed);
    if (failed) {
        lookup_failed(answer);
    } else if (story == NULL) {
        api_refuse(answer, 404, "the event is not there any more: it was deleted a moment ago, as `retain:` says");
    } else if (only_body) {
        answer->body.limit = story->event->body.length + 1; /* whatever `limits: body` was when it came */
        buffer_append(&answer->body, story->event->body.data, story->event->body.length);
    } else {
        story_write(api, story, &plugins, &answer->body);
    }
    lookup_plugins_free(&plugins);
}

/* "SOURCE/ID", decoded: the source ends at the first slash, whatever else is in the ID. */
static bool name_split(const char *rest, char source[FIELD_TEXT_SIZE], char id[FIELD_TEXT_SIZE],
                       struct api_answer *answer) {
    const char *slash = strchr(rest, '/');
    long source_length = -1, id_length = -1;
    if (slash != NULL) {
        source_length =
            percent_decode((struct bytes){ rest, (size_t)(slash - rest) }, false, source, FIELD_TEXT_SIZE - 1);
        id_length = percent_decode(bytes_of(slash + 1), false, id, FIELD_TEXT_SIZE - 1);
    }
    if (source_length <= 0 || id_length <= 0 || memchr(source, '\0', (size_t)source_length) != NULL ||
        memchr(id, '\0', (size_t)id_length) != NULL) {
        api_refuse(answer, 400,
                   "this is no /api/events/SOURCE/ID, where what is not a letter, digit or one of -._~ is "
                   "written as %%XX, and which is not longer than an event's ID can be");
        return false;
    }
    source[source_length] = id[id_length] = '\0';
    return true;
}

void story_answer(const struct api *api, const struct api_request *request, struct api_answer *answer) {
    struct field fields[STORY_FIELDS] = { [STORY_PART] = { .name = "part" } };
    char source[FIELD_TEXT_SIZE], id[FIELD_TEXT_SIZE];
    if (!name_split(request->rest, source, id, answer) || !fields_of_query(request, fields, STORY_FIELDS, answer))
        return;
    bool only_body = fields[STORY_PART].given;
    if (only_body && strcmp(fields[STORY_PART].text, "body") != 0) {
        api_refuse(answer, 400, "part: there is only part=body, the payload as it was received");
        return;
    }
    struct store_reader *reader = lookup_reader(api, answer);
    int64_t number = reader != NULL ? lookup_event(api, reader, source, id, answer) : 0;
    if (number > 0)
        story_tell(api, reader, number, only_body, answer);
    store_reader_close(reader);
}
