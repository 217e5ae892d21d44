/* The headers of a request: those of the signature, those of the settings, and those of the event that are passed on. */
#ifndef FORWARD_HEADERS_H
#define FORWARD_HEADERS_H

#include <curl/curl.h>
#include <grapnel/plugin.h>

#include "signer.h"

/* GRAPNEL_OK, or GRAPNEL_FAIL with what is wrong with `headers` or `pass_headers`. */
int headers_check(struct grapnel_call *call);

/* For this event and body; null when memory is short. `signer` null: unsigned. The caller frees, with curl_slist_free_all. */
struct curl_slist *headers_make(struct grapnel_call *call, struct signer *signer, const char *body, size_t length);

#endif
