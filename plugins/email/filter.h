/* What may stand behind the | in a template: a table of filters. */
#ifndef EMAIL_FILTER_H
#define EMAIL_FILTER_H

#include <grapnel/plugin.h>
#include <stdbool.h>

#include "text.h"

/* A value on its way through the filters. Lives as long as the call. */
struct value {
    const char *text;    /* null: missing */
    const char *missing; /* the pointer at which nothing was found */
};

struct filter {
    const char *name;
    int least, most; /* arguments */
    const char *usage;
    /* False: the value does not fit, and why was added to `fault`. */
    bool (*apply)(struct grapnel_call *call, struct value *value, const struct value *arguments, int count,
                  struct text *fault);
};

/* Null if there is none of that name. */
const struct filter *filter_find(const char *name, size_t length);
/* Adds `; did you mean "money"?`, or which ones there are. */
void filter_suggest(const char *name, size_t length, struct text *out);

#endif
