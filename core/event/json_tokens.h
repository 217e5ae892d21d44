/* jsmn as Grapnel uses it, and what its tokens mean. For json*.c only; json.c alone asks for the parser itself. */
#ifndef EVENT_JSON_TOKENS_H
#define EVENT_JSON_TOKENS_H

#define JSMN_STRICT
/* Without it, jsmn looks for the open container at every bracket and comma, which is quadratic. */
#define JSMN_PARENT_LINKS
#ifdef JSON_TOKENS_WITH_PARSER
#define JSMN_STATIC
#else
#define JSMN_HEADER
#endif
#include <jsmn.h>

#include "event/json.h"

/* jsmn's own struct has no name that a header could speak of.
 * A string's start and end leave out its quotes. In an object, each key is followed by its value. A container's tokens follow it. */
struct jsmntok {
    jsmntok_t at;
};

/* The token behind the one given and all that it contains. */
int json_behind(const struct json *json, int token);
/* Takes one character or escape off the front of a checked string's inside, and writes it as UTF-8. Returns how many bytes (1 to 4). */
size_t json_unescape_next(struct bytes *inside, char out[4]);

#endif
