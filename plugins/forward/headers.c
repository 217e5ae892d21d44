#include "headers.h"

#include <inttypes.h>
#include <stdbool.h>
#include <strings.h>
#include <time.h>

/* What belongs to the connection, or to the signature. */
static const char *const own[] = {
    "Host",
    "Content-Length",
    "Transfer-Encoding",
    "Connection",
    "Keep-Alive",
    "Upgrade",
    "Expect",
    "Trailer",
    "TE",
    "Proxy-Connection",
    "webhook-id",
    "webhook-timestamp",
    "webhook-signature",
};

static bool listed(const char *const *names, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++)
        if (strcasecmp(names[i], name) == 0)
            return true;
    return false;
}

static bool is_token(const char *name) {
    static const char signs[] = "!#$%&'*+-.^_`|~";
    for (const char *letter = name; *letter; letter++)
        if (!(*letter >= 'a' && *letter <= 'z') && !(*letter >= 'A' && *letter <= 'Z') &&
            !(*letter >= '0' && *letter <= '9') && !strchr(signs, *letter))
            return false;
    return *name != '\0';
}

static bool is_clean(const char *value) {
    for (const unsigned char *letter = (const unsigned char *)value; *letter; letter++)
        if ((*letter < 0x20 && *letter != '\t') || *letter == 0x7f)
            return false;
    return true;
}

static int name_check(struct grapnel_call *call, const char *setting, const char *name) {
    if (!is_token(name))
        return grapnel_fail(call, "`%s`: \"%s\" can't be the name of a header", setting, name);
    if (listed(own, sizeof own / sizeof *own, name))
        return grapnel_fail(call, "`%s`: %s is set by Grapnel itself: leave it out", setting, name);
    return GRAPNEL_OK;
}

int headers_check(struct grapnel_call *call) {
    for (int64_t i = 0; i < grapnel_setting_count(call, "headers"); i++) {
        const char *path = grapnel_setting_member(call, "headers", i), *name = grapnel_last_name(call, path);
        int code = name_check(call, "headers", name);
        if (code)
            return code;
        if (!is_clean(grapnel_setting_text(call, path)))
            return grapnel_fail(call, "`headers`: the value of %s holds a line break or another control character",
                                name);
    }
    for (int64_t i = 0; i < grapnel_setting_count(call, "pass_headers"); i++) {
        int code = name_check(call, "pass_headers",
                              grapnel_setting_text(call, grapnel_setting_member(call, "pass_headers", i)));
        if (code)
            return code;
    }
    return GRAPNEL_OK;
}

/* Null after null, so that the end tells whether all are there. curl takes "Name;" for a header without a value. */
static struct curl_slist *header_add(struct grapnel_call *call, struct curl_slist *list, const char *name,
                                     const char *value) {
    struct curl_slist *longer = list ? curl_slist_append(list, *value ? grapnel_format(call, "%s: %s", name, value)
                                                                      : grapnel_format(call, "%s;", name))
                                     : NULL;
    if (!longer)
        curl_slist_free_all(list);
    return longer;
}

/* The id is the delivery's key: the same for each attempt, so that the receiver can tell a repeat, another one after a replay, which is
 * wanted to be done anew, and one of its own for each source; an event's own id is none of these, and may hold a dot, which ends the id in
 * what is signed. */
static struct curl_slist *signature_add(struct grapnel_call *call, struct signer *signer, struct curl_slist *list,
                                        const char *body, size_t length) {
    char signature[SIGNER_SIGNATURE_SIZE];
    const char *id = grapnel_key(call), *timestamp = grapnel_format(call, "%" PRId64, (int64_t)time(NULL));
    if (!signer_sign(signer, id, timestamp, body, length, signature)) {
        curl_slist_free_all(list);
        return NULL;
    }
    list = header_add(call, list, "webhook-id", id);
    list = header_add(call, list, "webhook-timestamp", timestamp);
    return header_add(call, list, "webhook-signature", signature);
}

/* A name of `headers` counts before the same one of the event. */
static bool header_fixed(struct grapnel_call *call, const char *name) {
    for (int64_t i = 0; i < grapnel_setting_count(call, "headers"); i++)
        if (strcasecmp(grapnel_last_name(call, grapnel_setting_member(call, "headers", i)), name) == 0)
            return true;
    return false;
}

static bool header_passed(struct grapnel_call *call, const char *name) {
    for (int64_t i = 0; i < grapnel_setting_count(call, "pass_headers"); i++)
        if (strcasecmp(grapnel_setting_text(call, grapnel_setting_member(call, "pass_headers", i)), name) == 0)
            return true;
    return false;
}

struct curl_slist *headers_make(struct grapnel_call *call, struct signer *signer, const char *body, size_t length) {
    /* Without this, curl asks first whether a large body is welcome. */
    struct curl_slist *list = curl_slist_append(NULL, "Expect:");
    bool typed = header_fixed(call, "Content-Type") ||
                 (header_passed(call, "Content-Type") && grapnel_header(call, "Content-Type"));
    if (!typed)
        list = header_add(call, list, "Content-Type", "application/json");
    if (signer && list)
        list = signature_add(call, signer, list, body, length);
    for (int64_t i = 0; i < grapnel_setting_count(call, "headers"); i++) {
        const char *path = grapnel_setting_member(call, "headers", i);
        list = header_add(call, list, grapnel_last_name(call, path), grapnel_setting_text(call, path));
    }
    for (int64_t i = 0; i < grapnel_setting_count(call, "pass_headers"); i++) {
        const char *name = grapnel_setting_text(call, grapnel_setting_member(call, "pass_headers", i));
        const char *value = grapnel_header(call, name);
        if (value && is_clean(value) && !header_fixed(call, name))
            list = header_add(call, list, name, value);
    }
    return list;
}
