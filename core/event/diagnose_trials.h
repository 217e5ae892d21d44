/* Everyday mistakes, each as something that can be tried: if it were undone, would the signature be right? For diagnose.c only. */
#ifndef EVENT_DIAGNOSE_TRIALS_H
#define EVENT_DIAGNOSE_TRIALS_H

#include "event/diagnose.h"
#include "event/json_rewrite.h"
#include "event/signature_parts.h"

/* A request and a scheme, as they would be without a mistake. Views lead to what was given, or into the rooms. */
struct attempt {
    struct signature_scheme scheme;
    struct signature_request request;
    struct bytes secret;
    struct buffer body_room, secret_room, url_room;
    char item_room[64];
    unsigned kinds;            /* of what was undone already, a bit each */
    bool body_is_json;         /* as it was given: only then it can be written anew */
    const char *requested_url; /* that the request was posted to, or null */
};

/* Two trials of a kind are never made together. They are made in this order. */
enum trial_kind {
    TRIAL_HASH,
    TRIAL_FORM,
    TRIAL_TEMPLATE,
    TRIAL_URL,
    TRIAL_JSON,
    TRIAL_ENCODING,
    TRIAL_LINES,
    TRIAL_END,
    TRIAL_SECRET,
};

struct trial {
    enum trial_kind kind;
    /* Changes the attempt; false if there is nothing to change, or no room for it. */
    bool (*apply)(struct attempt *attempt, const struct trial *trial);
    union {
        const char *text;
        int number;
        const struct json_style *style;
    } argument;
    const char *words;  /* completes "it would be right …" */
    const char *advice; /* what to do about it */
};

/* The table, in the order of kinds, ended by a row without words. */
const struct trial *diagnose_trials(void);

/* Which mistakes explain what came: one of the table, else two of different kinds. */
struct trial_finding {
    const struct trial *trials[2]; /* null where there is none */
    int secret;                    /* index of the secret that then matches */
    struct buffer url;             /* with which it matches, if that is another one; the caller frees */
    bool gave_up;                  /* the body is so large that not all was tried */
};
bool trials_search(const struct diagnose *given, struct trial_finding *finding);

/* Is a signature of the request right with this scheme and any of the secrets as they are? Its index, or -1. */
int trials_match(const struct signature_scheme *scheme, const struct signature_request *request,
                 const char *const *secrets, int secret_count);

#endif
