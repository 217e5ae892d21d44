/* Colours, where a person looks at a terminal and wants them. Sparingly: red is what somebody must do something about. */
#ifndef CLI_STYLE_H
#define CLI_STYLE_H

#include <stdbool.h>
#include <stdio.h>

#include "base/bytes.h"

enum style { STYLE_NONE, STYLE_BAD, STYLE_WARN, STYLE_TITLE };

/* Is the stream a terminal that shows them, and did nobody say NO_COLOR? */
bool style_wanted(FILE *stream);
/* What goes before a text and behind it; both empty for STYLE_NONE. */
const char *style_begin(enum style style);
const char *style_end(enum style style);

/* How a state of the API is shown: dead, open … */
enum style style_of_state(struct bytes state);

#endif
