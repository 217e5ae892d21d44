/* Where an event's id and type are: JSON Pointers, request headers or a digest, joined by "|". */
#ifndef EVENT_LOCATE_H
#define EVENT_LOCATE_H

#include "event/json.h"
#include "event/signature.h"

/* Appends the parts to out. False with a reason for the operator in fault (e.g. `no value at /id`, `the value at /id is neither a string
 * nor an integer`, `the key of /id stands twice`, `longer than 512 bytes`, `control character`). `parts` as in signature_scheme.event_id. */
bool locate_value(const char *const *parts, const struct json *json, const struct signature_request *request,
                  size_t limit, struct buffer *out, struct fault *fault);
/* Is one part well-formed? For the config. */
bool locate_part_check(const char *part, struct fault *fault);

#endif
