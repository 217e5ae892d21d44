/* What became of an event at each plugin: its failed attempts and what was settled, in the order in which it happened. */
#ifndef CLI_STORY_H
#define CLI_STORY_H

#include "base/fault.h"
#include "cli/plugins.h"
#include "event/json.h"

/* `event`: what the API answers about one event. Is one of its deliveries open? Then it matters how the plugins are doing. */
bool story_is_open(const struct json *event);
/* On stdout, a paragraph for each delivery. `plugins` were read if it is open. */
bool story_print(const struct json *event, const struct plugins *plugins, struct fault *fault);

#endif
