/* Where an event's id and type are: JSON Pointers, request headers or a digest, joined by "|". */
#ifndef EVENT_LOCATE_H
#define EVENT_LOCATE_H

#include "event/json.h"
#include "event/signature.h"

/* Appends the parts to out. False with a reason for the operator in fault (e.g. `no value at /id`, `the value at /id is neither a string
 * nor an integer`, `the key of /id stands twice`, `longer than 512 bytes`, `control character`). `parts` as in signature_scheme.event_id. */
bool locate_value(const char *const *parts, const struct json *json, const struct signature_request *request,
                  size_t limit, struct buffer *out, struct fault *fault);
enum locate_verdict { LOCATE_OK, LOCATE_NOT_JSON, LOCATE_CHALLENGE, LOCATE_NO_ID, LOCATE_NO_TYPE };
/* Where locate_event puts what it finds. All belong to the caller, who may reuse them: they are cleared first. */
struct locate_room {
    struct json *json;
    struct buffer *id, *type;
    struct buffer *challenge; /* the answer to a sender's challenge; its limit is the caller's */
};
/* What a request is: its body parsed, then a challenge's answer, or an event's id and type, each within its limit. For the verdicts that
 * are neither, the reason is in fault. */
enum locate_verdict locate_event(const struct signature_scheme *scheme, const struct signature_request *request,
                                 const struct locate_room *room, struct fault *fault);
/* Is one part well-formed? For the config. */
bool locate_part_check(const char *part, struct fault *fault);

#endif
