/* How senders sign. A scheme is a row: which header, which items in it, what was signed, how the secret becomes the key, and where the
 * event's id and type are. The presets are rows of one table; a spelled-out `signature:` in the config fills the same struct. */
#ifndef EVENT_SIGNATURE_H
#define EVENT_SIGNATURE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/fault.h"
#include "event/event.h"

/* The first of each is what a row means that says nothing. */
enum signature_hash { SIGNATURE_SHA256, SIGNATURE_SHA1, SIGNATURE_SHA512 };
enum signature_secret { SIGNATURE_SECRET_RAW, SIGNATURE_SECRET_BASE64, SIGNATURE_SECRET_HEX };

enum {
    SIGNATURE_ITEM_LIMIT = 8,
    SIGNATURE_SECRET_LIMIT = 8,
    SIGNATURE_CANDIDATE_LIMIT = 32,
    SIGNATURE_PART_LIMIT = 4,
    SIGNATURE_HEADER_NAME_LIMIT = 127
};

/* What a sender asks to learn whether an address knows the secret: a body that has `value` at `mark` (JSON Pointers) is no event; it is
 * answered with the text at `answer`. */
struct signature_challenge {
    const char *mark, *value, *answer; /* all null: it never asks */
};

/* Texts belong to the table or to the setup that was read; a scheme only points at them. A header may be known by several names, with a
 * slash between them ("webhook-id/svix-id"): the first that a request has is meant. */
struct signature_scheme {
    const char *name;      /* of the preset; null if spelled out */
    const char *header;    /* that holds the signature */
    const char *separator; /* between items: "," */
    /* "t={timestamp}", "v1={hex}", "{base64}"; null ends; exactly one kind of digest */
    const char *items[SIGNATURE_ITEM_LIMIT];
    const char *signed_template;  /* "{timestamp}.{body}" from {timestamp} {id} {url} {body} */
    const char *timestamp_header; /* null: the timestamp is an item, or there is none */
    const char *id_header;        /* for {id} in signed; null if none */
    enum signature_hash hash;
    enum signature_secret secret;
    /* Where this sender's event id and type are: JSON Pointers or specs as in `event:` of the config, up to SIGNATURE_PART_LIMIT joined
     * by "|"; "/id", "header:X-GitHub-Delivery", "digest:body". Null: must be configured. */
    const char *event_id[SIGNATURE_PART_LIMIT], *event_type[SIGNATURE_PART_LIMIT];
    struct signature_challenge challenge;
    const char *summary; /* one line for help and manual */
};

/* The table, ended by a row whose name is null. */
const struct signature_scheme *signature_presets(void);
const struct signature_scheme *signature_preset(const char *name); /* or null */
/* Is a spelled-out scheme usable? Checks placeholders, that one digest item exists, that a timestamp is part of what is signed, that {id}
 * has its header, … False with the reason in fault. */
bool signature_scheme_check(const struct signature_scheme *scheme, struct fault *fault);
bool signature_has_timestamp(const struct signature_scheme *scheme);
/* Is it (one of the names of) the header that holds the signature? Such a header is not kept with the event. */
bool signature_is_header(const struct signature_scheme *scheme, struct bytes name);
bool signature_signs_url(const struct signature_scheme *scheme);

/* A secret made ready: the HMAC states after the inner and outer pad are computed once. Opaque; wiped and freed by signature_key_free. */
struct signature_key;
/* Null with the reason (never the secret) in fault: empty, not base64, not hex. */
struct signature_key *signature_key_make(const struct signature_scheme *scheme, struct bytes secret,
                                         struct fault *fault);
void signature_key_free(struct signature_key *key);

/* How verification gets at the request: calls back for the count-th header of that name (0, 1, …), false when there is none. */
struct signature_request {
    bool (*header)(void *context, const char *name, int count, struct bytes *value);
    void *context;
    struct bytes body;
    const char *url; /* as registered with the sender, or null */
};

enum signature_verdict {
    SIGNATURE_OK,
    SIGNATURE_HEADER_MISSING,
    SIGNATURE_HEADER_DOUBLED, /* of any header that the scheme reads */
    SIGNATURE_TIMESTAMP_MISSING,
    SIGNATURE_TIMESTAMP_MALFORMED, /* also: two that differ */
    SIGNATURE_TIMESTAMP_OLD,
    SIGNATURE_TIMESTAMP_FUTURE,
    SIGNATURE_ID_MISSING,
    SIGNATURE_NO_CANDIDATE, /* the header holds no signature of the expected form */
    SIGNATURE_MISMATCH,
    SIGNATURE_UNAVAILABLE, /* no key, no url for a scheme that signs it: it could not be checked; answer 503 */
};
/* One phrase for the log: "the signature header is missing" … Never a secret. */
const char *signature_verdict_text(enum signature_verdict verdict);

struct signature_report {
    int key_index;       /* which key matched, when OK */
    int64_t timestamp_s; /* as sent, if one was read */
};

/* Every candidate in the header against every key, each comparison in constant time and none skipped; the timestamp is judged only after
 * a signature matched, so that TIMESTAMP_OLD and _FUTURE speak of genuine requests. Thread-safe: keys are only read. */
enum signature_verdict signature_verify(const struct signature_scheme *scheme, struct signature_key *const *keys,
                                        int key_count, const struct signature_request *request, int64_t now_ms,
                                        int64_t tolerance_ms, struct signature_report *report);

/* Of a request that was verified: a digest of its source and of the bytes that were signed, and of nothing else, so that
 * whoever sends them once more can't make it another one. Shares no value with event_digest. False if it can't be hashed. */
bool signature_guard(const struct signature_scheme *scheme, const struct signature_request *request,
                     struct bytes source, unsigned char guard[EVENT_DIGEST_SIZE]);

/* Why a request got this verdict, for the log of the operator: names the header, tells how old the timestamp is. Never a secret, nor a
 * signature; nothing that the sender wrote. */
void signature_reason(const struct signature_scheme *scheme, const struct signature_request *request,
                      enum signature_verdict verdict, const struct signature_report *report, int64_t now_ms,
                      int64_t tolerance_ms, struct fault *reason);

/* Signs as the sender would: appends header lines "Name: value\r\n" to `headers` (signature, and timestamp or id header where the scheme
 * has them). */
bool signature_sign(const struct signature_scheme *scheme, const struct signature_key *key, const char *id,
                    int64_t timestamp_s, const char *url, struct bytes body, struct buffer *headers,
                    struct fault *fault);

#endif
