/* Mistakes that change a body after it was signed. */
#include <string.h>

#include "event/diagnose_undo.h"

/* A body that grows more than this when it is written anew was not signed in that form. */
enum { BODY_GROWTH = 4, BODY_GROWTH_BYTES = 64 * 1024 };

static struct buffer *room_begin(struct attempt *attempt) {
    attempt->body_room.limit = attempt->request.body.length * BODY_GROWTH + BODY_GROWTH_BYTES;
    return &attempt->body_room;
}

/* What was written into the room is the body now, if it differs. */
static bool room_end(struct attempt *attempt) {
    struct bytes written = { attempt->body_room.data, attempt->body_room.length };
    if (attempt->body_room.failed || bytes_equal(written, attempt->request.body))
        return false;
    attempt->request.body = written;
    return true;
}

bool json_undo(struct attempt *attempt, const struct trial *trial) {
    return attempt->body_is_json && json_rewrite(attempt->request.body, trial->argument.style, room_begin(attempt)) &&
           room_end(attempt);
}

static const char byte_order_mark[] = "\xef\xbb\xbf";

bool mark_undo(struct attempt *attempt, const struct trial *trial) {
    struct bytes *body = &attempt->request.body;
    size_t length = strlen(byte_order_mark);
    bool marked = body->length >= length && memcmp(body->data, byte_order_mark, length) == 0;
    if (trial->argument.number)
        return !marked && buffer_append_text(room_begin(attempt), byte_order_mark) &&
               buffer_append(&attempt->body_room, body->data, body->length) && room_end(attempt);
    if (marked)
        *body = (struct bytes){ body->data + length, body->length - length };
    return marked;
}

/* Each character up to U+00FF becomes the byte of that number, as it was before its bytes were taken for characters. */
bool latin_undo(struct attempt *attempt, const struct trial *trial) {
    (void)trial;
    struct bytes rest = attempt->request.body;
    struct buffer *room = room_begin(attempt);
    while (rest.length > 0) {
        const unsigned char *character = (const unsigned char *)rest.data;
        size_t length = utf8_length(rest);
        if (length == 0 || length > 2 || (length == 2 && character[0] > 0xc3))
            return false;
        char byte = (char)(length == 1 ? character[0] : (character[0] & 3) << 6 | (character[1] & 0x3f));
        if (!buffer_append(room, &byte, 1))
            return false;
        rest = (struct bytes){ rest.data + length, rest.length - length };
    }
    return room_end(attempt);
}

bool lines_undo(struct attempt *attempt, const struct trial *trial) {
    struct bytes rest = attempt->request.body;
    struct buffer *room = room_begin(attempt);
    while (rest.length > 0) {
        const char *newline = memchr(rest.data, '\n', rest.length);
        size_t length = newline ? (size_t)(newline - rest.data) : rest.length;
        size_t text = newline && length > 0 && newline[-1] == '\r' ? length - 1 : length;
        if (!buffer_append(room, rest.data, text) || (newline && !buffer_append_text(room, trial->argument.text)))
            return false;
        size_t taken = length + (newline ? 1 : 0);
        rest = (struct bytes){ rest.data + taken, rest.length - taken };
    }
    return room_end(attempt);
}

bool end_cut(struct attempt *attempt, const struct trial *trial) {
    struct bytes *body = &attempt->request.body;
    size_t length = strlen(trial->argument.text);
    if (body->length < length || memcmp(body->data + body->length - length, trial->argument.text, length) != 0)
        return false;
    body->length -= length;
    return true;
}

bool end_trim(struct attempt *attempt, const struct trial *trial) {
    (void)trial;
    struct bytes *body = &attempt->request.body;
    size_t before = body->length;
    while (body->length > 0 && strchr(" \t\r\n", body->data[body->length - 1]) && body->data[body->length - 1])
        body->length--;
    return body->length != before;
}

bool end_add(struct attempt *attempt, const struct trial *trial) {
    return buffer_append(room_begin(attempt), attempt->request.body.data, attempt->request.body.length) &&
           buffer_append_text(&attempt->body_room, trial->argument.text) && room_end(attempt);
}

bool body_drop(struct attempt *attempt, const struct trial *trial) {
    (void)trial;
    bool was_there = attempt->request.body.length > 0;
    attempt->request.body = (struct bytes){ "", 0 };
    return was_there;
}
