/* SOURCE/ID, as every command names an event. */
#ifndef CLI_TARGET_H
#define CLI_TARGET_H

#include "cli/answer.h"
#include "event/event.h"

struct target {
    char source[EVENT_NAME_LIMIT + 1];
    const char *id; /* a view into what was read */
};

/* The first slash ends the source: ids may hold others. False with the reason. */
bool target_read(struct target *target, const char *word, struct fault *fault);

/* SOURCE/ID of an event or delivery in an answer. It replaces what is in `text`, and lives as long. */
struct bytes target_of(const struct json *json, struct buffer *text);

/* Is all of it UTF-8? Nothing else can stand in JSON. */
bool text_is_utf8(const char *text);

#endif
