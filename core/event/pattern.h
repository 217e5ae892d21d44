/* Patterns of event types: a * matches any run of characters, dots and slashes too, also none; all else matches itself. */
#ifndef EVENT_PATTERN_H
#define EVENT_PATTERN_H

#include <stdbool.h>

#include "base/bytes.h"

/* Linear in practice and never worse than length × length: no recursion. */
bool pattern_matches(struct bytes pattern, struct bytes text);

#endif
