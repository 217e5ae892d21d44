/* What checking, verifying and signing share. For the inside of event/ only. */
#ifndef EVENT_SIGNATURE_PARTS_H
#define EVENT_SIGNATURE_PARTS_H

#include "event/hash.h"
#include "event/signature.h"

enum { SIGNATURE_TIMESTAMP_DIGITS = 12 };

/* Templates. What may stand in braces in an item or in what is signed. */
enum placeholder {
    PLACEHOLDER_NONE, /* the template ended without one */
    PLACEHOLDER_UNKNOWN,
    PLACEHOLDER_TIMESTAMP,
    PLACEHOLDER_ID,
    PLACEHOLDER_URL,
    PLACEHOLDER_BODY,
    PLACEHOLDER_HEX,
    PLACEHOLDER_BASE64,
};
/* Takes the text up to the next placeholder, and the placeholder, off the front of *template. Both are nothing at its end. */
enum placeholder template_take(const char **template, struct bytes *literal);
bool template_has(const char *template, enum placeholder placeholder);
/* Of an item: its prefix, and the one placeholder that stands at its end. */
enum placeholder item_parse(const char *item, struct bytes *prefix);
const char *separator_of(const struct signature_scheme *scheme);
struct bytes trimmed(struct bytes text); /* without the blanks and tabs around it */

/* Names of headers, see struct signature_scheme. Takes the next name off the front of *names; empty at the end. */
struct bytes header_name_take(const char **names);
bool header_names_check(const char *names, struct fault *fault); /* for the config */
/* The one header of these names, without the white space around it: SIGNATURE_OK, _HEADER_MISSING (also if empty) or _HEADER_DOUBLED. */
enum signature_verdict header_read(const struct signature_request *request, const char *names, struct bytes *value);

/* What stands for the placeholders of signed_template. */
struct signed_values {
    struct bytes timestamp, id, url, body;
};
/* Adds the signed text to a hash. */
bool signed_add(struct hash *hash, const struct signature_scheme *scheme, const struct signed_values *values);
/* HMAC of the signed text, which is never put together; hash_size(scheme->hash) bytes. */
bool signature_mac(const struct signature_scheme *scheme, const struct signature_key *key,
                   const struct signed_values *values, unsigned char mac[HASH_SIZE_LIMIT]);

/* What a scheme reads of a request's headers. */
struct signature_found {
    unsigned char candidates[SIGNATURE_CANDIDATE_LIMIT][HASH_SIZE_LIMIT];
    int candidate_count;
    struct bytes timestamp, id; /* as sent; data null if there is none, or none is asked for */
    bool timestamps_differ;
};
/* Fills it. SIGNATURE_OK, _HEADER_MISSING, _HEADER_DOUBLED, _NO_CANDIDATE, _TIMESTAMP_MISSING or _ID_MISSING. */
enum signature_verdict signature_read(const struct signature_scheme *scheme, const struct signature_request *request,
                                      struct signature_found *found);
/* Every candidate against every key, in constant time; the time itself is not judged. SIGNATURE_OK with which key it was,
 * _MISMATCH or _UNAVAILABLE. */
enum signature_verdict signature_match(const struct signature_scheme *scheme, struct signature_key *const *keys,
                                       int key_count, const struct signature_request *request,
                                       const struct signature_found *found, int *key_index);
/* Unix seconds in decimal; false if it is anything else. */
bool timestamp_parse(struct bytes text, int64_t *seconds);
/* SIGNATURE_OK, _TIMESTAMP_OLD or _TIMESTAMP_FUTURE. */
enum signature_verdict timestamp_judge(int64_t seconds, int64_t now_ms, int64_t tolerance_ms);

/* Words for people. "webhook-id or svix-id" of "webhook-id/svix-id". */
enum { HEADER_NAMES_SIZE = 512, AGE_SIZE = 48 };
const char *header_names_text(const char *names, char text[HEADER_NAMES_SIZE]);
/* As exact as a person needs it: "90 seconds", "9 minutes", "3 hours", "400 days". */
const char *age_text(int64_t seconds, char text[AGE_SIZE]);

#endif
