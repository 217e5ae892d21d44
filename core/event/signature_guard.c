/* What a replay under a new id can't change: what was signed. It is a plain digest, not the signature, since a request may
 * carry several of these, of which a replay may drop one. */
#include <string.h>

#include "event/signature_parts.h"

bool signature_guard(const struct signature_scheme *scheme, const struct signature_request *request,
                     struct bytes source, unsigned char guard[EVENT_DIGEST_SIZE]) {
    struct signature_found found;
    unsigned char whole[HASH_SIZE_LIMIT];
    if (signature_read(scheme, request, &found) != SIGNATURE_OK)
        return false;
    const struct signed_values values = { found.timestamp, found.id, bytes_of(request->url), request->body };
    struct hash hash;
    /* What event_digest hashes begins with the name of a source, hence never with a zero byte. */
    bool done = hash_start(&hash, SIGNATURE_SHA256) && hash_add(&hash, "", 1) &&
                hash_add(&hash, source.data, source.length) && hash_add(&hash, "", 1) &&
                signed_add(&hash, scheme, &values) && hash_finish(&hash, whole);
    hash_wipe(&hash);
    if (done)
        memcpy(guard, whole, EVENT_DIGEST_SIZE);
    return done;
}
