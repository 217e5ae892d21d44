/* Why a request is not accepted, in words that the person can act on who set both ends up. For the operator only: it never tells a secret
 * or a signature that would be right, but it tells which mistake would explain what came. */
#ifndef EVENT_DIAGNOSE_H
#define EVENT_DIAGNOSE_H

#include "event/json.h"
#include "event/signature.h"

struct diagnose {
    const struct signature_scheme *scheme;
    struct signature_key *const *keys; /* one for each secret */
    const char *const *secrets;        /* as configured */
    int secret_count;
    const struct signature_request *request;
    const char *const *header_names; /* of all headers that the request has */
    int header_count;
    const char *requested_url; /* where it was posted to, or null if that is not known */
    int64_t now_ms, tolerance_ms;
};

/* Each judges one step of accepting, and appends the reason to `words`, or what else is worth a word. Where memory is short they are cut. */
enum diagnose_result { DIAGNOSE_OK, DIAGNOSE_REFUSED, DIAGNOSE_SKIPPED };

/* The signature, whatever the time says. Appends the reason if it is refused, or which secret it was if there are several. */
enum diagnose_result diagnose_signature(const struct diagnose *given, struct buffer *words);
/* The time, whatever the signature says; skipped where the scheme has none, or it could not be found. */
enum diagnose_result diagnose_timestamp(const struct diagnose *given, struct buffer *words);
/* Where locate_event found no id or no type: what stands in the body instead of those parts. Names, never values. */
void diagnose_event(const struct json *json, const char *const *parts, struct buffer *words);
/* What a body looks like that is no JSON. */
void diagnose_body(struct bytes body, struct buffer *words);

#endif
