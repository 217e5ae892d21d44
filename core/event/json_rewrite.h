/* JSON written anew as common libraries write it: to tell that a body was parsed and written again after it was signed. */
#ifndef EVENT_JSON_REWRITE_H
#define EVENT_JSON_REWRITE_H

#include <stdbool.h>

#include "base/bytes.h"

enum json_layout {
    JSON_LAYOUT_KEPT,
    JSON_LAYOUT_COMPACT,  /* {"a":1,"b":2} */
    JSON_LAYOUT_SPACED,   /* {"a": 1, "b": 2} */
    JSON_LAYOUT_INDENTED, /* one line a member */
};

/* How the members of a row of styles are written; strings are written anew only if `strings` says so. */
struct json_style {
    enum json_layout layout;
    int indent; /* blanks a level, of JSON_LAYOUT_INDENTED */
    bool strings;
    bool ascii;      /* what is not ASCII as \u escapes */
    bool slashes;    /* "/" as "\/" */
    bool html;       /* < > & as \u escapes */
    bool upper_case; /* hex digits of the \u escapes of control characters */
};

/* Appends the text, which json_parse has accepted, in that style. False when `out` is full. */
bool json_rewrite(struct bytes text, const struct json_style *style, struct buffer *out);

#endif
