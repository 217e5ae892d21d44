/* Templates: text with {{…}} in it, in which the event's values are put.
 *
 *     {{ operand | filter argument … | filter … }}
 *
 *   operand, argument   /data/object/id   a JSON Pointer: the value there
 *                       id type source received   about the event; received is in unix seconds
 *                       "text"            itself; \" and \\ stand for " and \, so {{"{{"}} gives {{
 *   filter              a row of the table in filter.c
 *
 * A template is read once, when the plugin starts, so that a mistake is found then and not at the first event. */
#ifndef EMAIL_TEMPLATE_H
#define EMAIL_TEMPLATE_H

#include <grapnel/plugin.h>
#include <stdbool.h>

#include "text.h"

enum { FILTER_LIMIT = 8 /* in one {{…}} */, ARGUMENT_LIMIT = 2 /* of one filter */ };

struct filter;

enum operand_kind { OPERAND_TEXT, OPERAND_POINTER, OPERAND_ID, OPERAND_TYPE, OPERAND_SOURCE, OPERAND_RECEIVED };

struct operand {
    enum operand_kind kind;
    char *text; /* the text or the pointer; null for the others. Owned. */
};

struct filter_use {
    const struct filter *filter;
    struct operand arguments[ARGUMENT_LIMIT];
    int argument_count;
};

/* A run of text, and the {{…}} behind it. */
struct template_part {
    const char *text; /* within the source */
    size_t length;
    bool has_value; /* false for what is behind the last }} */
    size_t place;   /* of the {{ in the source */
    struct operand operand;
    struct filter_use filters[FILTER_LIMIT];
    int filter_count;
};

/* Zero-initialise; an empty one was not given. */
struct template {
    const char *label;  /* the path of the setting that it stands in, for messages. Borrowed, as is the source: */
    const char *source; /* settings live as long as the process. */
    struct template_part *parts;
    int count;
};

/* Reads the `length` bytes of `source` at `start`; the rest of the source only serves to tell places. On a mistake, false, and a line for
 * the operator is added to `mistakes`. */
bool template_read(struct template *template, const char *label, const char *source, size_t start, size_t length,
                   struct text *mistakes);
void template_free(struct template *template);

/* Where the }} of the {{ at `source` ends, quotes considered; null if nothing closes it. */
const char *template_value_end(const char *source, const char *end);
/* "label:line:column: " of a place in the source. */
void template_place(const struct template *template, size_t place, struct text *out);

/* How values are written. */
enum template_form {
    FORM_TEXT,
    FORM_HTML,  /* < > & " ' are escaped */
    FORM_HEADER /* white space and control characters, line breaks first of all, become one blank */
};

/* The template with this event's values, added to `out`. If a value is missing or does not fit, false, and `fault` says which, where and
 * what to do. */
bool template_render(const struct template *template, struct grapnel_call *call, enum template_form form,
                     struct text *out, struct text *fault);
/* The same into the memory of the call; null if that failed. */
char *template_render_string(const struct template *template, struct grapnel_call *call, enum template_form form,
                             struct text *fault);

#endif
