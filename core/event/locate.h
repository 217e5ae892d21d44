/* Where an event's id and type are: JSON Pointers, request headers or a digest, joined by "|". */
#ifndef EVENT_LOCATE_H
#define EVENT_LOCATE_H

#include "event/json.h"
#include "event/signature.h"

/* Appends the parts to out. False with a reason for the operator in fault (e.g. `no value at /id`, `the value at /id is neither a string
 * nor an integer`, `the key of /id stands twice`, `longer than 512 bytes`, `control character`). `parts` as in signature_scheme.event_id. */
bool locate_value(const char *const *parts, const struct json *json, const struct signature_request *request,
                  size_t limit, struct buffer *out, struct fault *fault);
enum locate_verdict { LOCATE_OK, LOCATE_NOT_JSON, LOCATE_NO_ID, LOCATE_NO_TYPE };
/* What an event is: its body parsed into `json`, its id and type appended, each within its limit. On any other verdict the
 * reason is in fault. */
enum locate_verdict locate_event(const struct signature_scheme *scheme, const struct signature_request *request,
                                 struct json *json, struct buffer *id, struct buffer *type, struct fault *fault);
/* Is one part well-formed? For the config. */
bool locate_part_check(const char *part, struct fault *fault);

#endif
