#include "admin/write.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "admin/lookup.h"
#include "base/clock.h"

void write_text(struct buffer *body, const char *text) {
    if (text == NULL)
        buffer_append_text(body, "null");
    else
        buffer_append_json_string(body, bytes_of(text));
}

void write_bytes(struct buffer *body, struct bytes text) {
    buffer_append_json_string(body, text);
}

void write_time(struct buffer *body, int64_t wall_ms) {
    char text[CLOCK_TEXT_SIZE];
    if (wall_ms == 0) {
        buffer_append_text(body, "null");
        return;
    }
    clock_format(wall_ms, text);
    buffer_format(body, "\"%s\"", text);
}

void write_milliseconds(struct buffer *body, int64_t microseconds) {
    if (microseconds <= 0)
        buffer_append_text(body, "null");
    else
        buffer_format(body, "%" PRId64 ".%03d", microseconds / 1000, (int)(microseconds % 1000));
}

struct write_clock write_clock_now(const struct store *store) {
    return (struct write_clock){ store_clock_ms(store), clock_wall_ms() };
}

static bool is_open(enum store_state state) {
    return state == STORE_STATE_PENDING || state == STORE_STATE_RETRYING;
}

void write_delivery(struct buffer *body, const struct api *api, const struct write_clock *clock,
                    const struct write_event *event, const struct store_standing *standing) {
    bool parked = is_open(standing->state) && lookup_configured(api, standing->plugin) < 0;
    bool later = is_open(standing->state) && !parked && standing->due_ms > clock->store_ms;
    buffer_append_text(body, "{\"plugin\":");
    write_text(body, standing->plugin_name);
    buffer_append_text(body, ",\"source\":");
    write_bytes(body, event->source);
    buffer_append_text(body, ",\"id\":");
    write_bytes(body, event->id);
    buffer_append_text(body, ",\"type\":");
    write_bytes(body, event->type);
    buffer_format(body, ",\"state\":\"%s\",\"attempts\":%d,\"next\":", store_state_text(standing->state),
                  standing->attempts);
    write_time(body, later ? clock->wall_ms + (standing->due_ms - clock->store_ms) : 0);
    buffer_append_text(body, ",\"reason\":");
    write_text(body, standing->state == STORE_STATE_DEAD ? store_reason_text(standing->reason) : NULL);
    buffer_append_text(body, ",\"error\":");
    write_text(body, standing->error[0] != '\0' ? standing->error : NULL);
    buffer_append_text(body, ",\"at\":");
    write_time(body, standing->at_ms);
    if (standing->replay > 0)
        buffer_format(body, ",\"replay\":%d", standing->replay);
    if (parked)
        buffer_append_text(body, ",\"parked\":true");
}

void write_event_begins(struct buffer *body, const struct store_listed *listed) {
    buffer_append_text(body, "{\"source\":");
    write_bytes(body, listed->source);
    buffer_append_text(body, ",\"id\":");
    write_bytes(body, listed->id);
    buffer_append_text(body, ",\"type\":");
    write_bytes(body, listed->type);
    buffer_append_text(body, ",\"received\":");
    write_time(body, listed->received_ms);
    buffer_format(body, ",\"state\":\"%s\",\"size\":%" PRId64, store_state_text(listed->state), listed->size);
}

void write_next(struct api_answer *answer, const char *path) {
    buffer_clear(&answer->next);
    buffer_append_text(&answer->next, path);
}

void write_next_parameter(struct api_answer *answer, const char *name, struct bytes value) {
    bool first = memchr(answer->next.data, '?', answer->next.length) == NULL;
    buffer_format(&answer->next, "%c%s=", first ? '?' : '&', name);
    buffer_append_percent_encoded(&answer->next, value);
}

void write_next_number(struct api_answer *answer, const char *name, int64_t value) {
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, value);
    write_next_parameter(answer, name, bytes_of(text));
}
