/* What became of an event at each plugin: its failed attempts and what was settled, in the order in which it happened. */
#ifndef CLI_STORY_H
#define CLI_STORY_H

#include "base/fault.h"
#include "event/json.h"

/* `event`: what the API answers about one event. On stdout, a paragraph for each delivery. */
bool story_print(const struct json *event, struct fault *fault);

#endif
