/* One event as one line of JSON. */
#ifndef LOGGING_LINE_H
#define LOGGING_LINE_H

#include <grapnel/plugin.h>
#include <stdbool.h>

/* Lines that wait to be written. Zero-initialise; owned by the plugin. */
struct lines {
    char *data;
    size_t length, capacity;
};

enum { LINES_KEEP_SIZE = 1024 * 1024 }; /* memory beyond this is given back after a large batch */

bool lines_add_event(struct lines *lines,
                     struct grapnel_call *call); /* false: memory is short, and nothing was added */
void lines_clear(struct lines *lines);
void lines_free(struct lines *lines);

#endif
