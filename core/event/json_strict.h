/* Is a text JSON as RFC 8259 has it? What jsmn does not ask. For the inside of event/ only. */
#ifndef EVENT_JSON_STRICT_H
#define EVENT_JSON_STRICT_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/fault.h"

/* On true, `tokens` is how many tokens jsmn will make of the text: one for each value and each key. */
bool json_strict_check(struct bytes text, int *tokens, struct fault *fault);

#endif
