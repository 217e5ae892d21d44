/* JSON as RFC 8259 says, on top of jsmn's tokens: what jsmn lets through, json_parse refuses. Nothing here recurses. */
#ifndef EVENT_JSON_H
#define EVENT_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/fault.h"

enum { JSON_DEPTH_LIMIT = 128 };

struct jsmntok; /* see json_tokens.h: only json*.c know jsmn */

/* A parsed text. Zero-initialise, reuse for any number of texts (it keeps its memory, unless it was much), json_free at the end. One thread. */
struct json {
    struct bytes text; /* the caller's; must stay as long as the json is used */
    struct jsmntok *tokens;
    int count, capacity;
};

/* The whole text must be one JSON value (white space around it allowed): numbers, escapes, surrogate pairs, UTF-8, structure, nothing
 * behind it, nested at most JSON_DEPTH_LIMIT deep. Duplicate keys are accepted. Time is linear in the size. On false, fault says what
 * is wrong and at which byte, without quoting the payload. */
bool json_parse(struct json *json, struct bytes text, struct fault *fault);
void json_free(struct json *json);

enum json_kind { JSON_NONE, JSON_OBJECT, JSON_ARRAY, JSON_STRING, JSON_NUMBER, JSON_TRUE, JSON_FALSE, JSON_NULL };

/* RFC 6901: "" is the whole text, "/data/object/id", "/items/0/sku", ~0 and ~1. Returns the token's index, or -1 if nothing is there or
 * the pointer is malformed. Of duplicate keys the last wins; `doubled` (may be null) tells that one on the way was a duplicate. */
int json_find(const struct json *json, const char *pointer, bool *doubled);
bool json_pointer_valid(const char *pointer);
/* The longest beginning of a pointer that leads somewhere: its length, and what it leads to (-1 if memory is short). */
size_t json_find_beginning(const struct json *json, const char *pointer, int *token);
enum json_kind json_kind_at(const struct json *json, int token);
/* The value as it stands in the text, a string with its quotes. */
struct bytes json_raw(const struct json *json, int token);
/* A string's value with its escapes resolved, appended to `out`; false if the token is no string. */
bool json_string(const struct json *json, int token, struct buffer *out);
/* Members of an object or array; -1 for anything else. */
int json_count(const struct json *json, int token);
/* The pointer to the index-th member of the container at `pointer` ("/a/b" → "/a/b/0" or "/a/b/key" with ~ escapes), appended to out.
 * False if there is none. Of members with the same key, each gives the pointer that finds the last of them. */
bool json_member(const struct json *json, const char *pointer, int index, struct buffer *out);

#endif
