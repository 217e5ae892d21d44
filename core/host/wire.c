/* Framing: a header of magic, type and length (4 bytes each), then numbers of 8 bytes and texts as length, bytes, terminator. */
#include "host/wire.h"

#include <string.h>

enum { TEXT_LENGTH_SIZE = 4 };

static bool type_known(uint32_t type) {
    return (type >= WIRE_START && type <= WIRE_STOP) || (type >= WIRE_HELLO && type <= WIRE_LOG);
}

static uint32_t read_u32(const char *data) {
    uint32_t value;
    memcpy(&value, data, sizeof value);
    return value;
}

size_t wire_begin(struct buffer *buffer, enum wire_type type) {
    size_t begun = buffer->length;
    uint32_t header[3] = { WIRE_MAGIC, type, 0 };
    _Static_assert(sizeof header == WIRE_HEADER_SIZE, "the header is magic, type and length");
    buffer_append(buffer, header, sizeof header);
    return begun;
}

void wire_put_number(struct buffer *buffer, int64_t number) {
    buffer_append(buffer, &number, sizeof number);
}

void wire_put_text(struct buffer *buffer, struct bytes text) {
    if (text.length >= WIRE_FRAME_LIMIT) {
        buffer->failed = true;
        return;
    }
    uint32_t length = (uint32_t)text.length;
    buffer_append(buffer, &length, sizeof length);
    buffer_append(buffer, text.data ? text.data : "", text.length);
    buffer_append(buffer, "", 1);
}

void wire_end(struct buffer *buffer, size_t begun) {
    if (buffer->failed)
        return;
    size_t length = buffer->length - begun - WIRE_HEADER_SIZE;
    if (length > WIRE_FRAME_LIMIT - WIRE_HEADER_SIZE) {
        buffer->failed = true; /* the reader would take it for garbage */
        return;
    }
    uint32_t length_field = (uint32_t)length;
    memcpy(buffer->data + begun + 2 * sizeof(uint32_t), &length_field, sizeof length_field);
}

enum wire_status wire_parse(struct bytes data, struct wire_frame *frame, size_t *used) {
    uint32_t magic = WIRE_MAGIC;
    size_t magic_size = data.length < sizeof magic ? data.length : sizeof magic;
    if (magic_size && memcmp(data.data, &magic, magic_size) != 0)
        return WIRE_GARBAGE;
    if (data.length < WIRE_HEADER_SIZE) {
        *used = WIRE_HEADER_SIZE;
        return WIRE_MORE;
    }
    uint32_t type = read_u32(data.data + 4), length = read_u32(data.data + 8);
    if (!type_known(type) || length > WIRE_FRAME_LIMIT - WIRE_HEADER_SIZE)
        return WIRE_GARBAGE;
    *used = WIRE_HEADER_SIZE + (size_t)length;
    if (data.length < *used)
        return WIRE_MORE;
    *frame = (struct wire_frame){
        .type = (enum wire_type)type,
        .next = data.data + WIRE_HEADER_SIZE,
        .end = data.data + *used,
    };
    return WIRE_FRAME;
}

static size_t frame_left(const struct wire_frame *frame) {
    return frame->bad ? 0 : (size_t)(frame->end - frame->next);
}

int64_t wire_get_number(struct wire_frame *frame) {
    int64_t number;
    if (frame_left(frame) < sizeof number) {
        frame->bad = true;
        return 0;
    }
    memcpy(&number, frame->next, sizeof number);
    frame->next += sizeof number;
    return number;
}

struct bytes wire_get_text(struct wire_frame *frame) {
    size_t left = frame_left(frame);
    uint32_t length = left < TEXT_LENGTH_SIZE ? 0 : read_u32(frame->next);
    /* The terminator has to be there too: whoever reads the text relies on it. */
    if (left < TEXT_LENGTH_SIZE + 1 || length > left - TEXT_LENGTH_SIZE - 1 ||
        frame->next[TEXT_LENGTH_SIZE + (size_t)length] != '\0') {
        frame->bad = true;
        return (struct bytes){ "", 0 };
    }
    struct bytes text = { frame->next + TEXT_LENGTH_SIZE, length };
    frame->next += TEXT_LENGTH_SIZE + (size_t)length + 1;
    return text;
}

bool wire_finished(const struct wire_frame *frame) {
    return !frame->bad && frame->next == frame->end;
}

void wire_page_settle(struct wire_page *page, int64_t sequence) {
    atomic_store(&page->settled_check, ~sequence);
    atomic_store(&page->settled, sequence);
}

int64_t wire_page_settled(const struct wire_page *page) {
    int64_t settled = atomic_load(&page->settled);
    return settled > 0 && atomic_load(&page->settled_check) == ~settled ? settled : 0;
}
