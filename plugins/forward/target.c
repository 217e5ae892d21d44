#include "target.h"

#include <curl/curl.h>
#include <stdbool.h>

static bool part_present(CURLU *parts, CURLUPart part) {
    char *text = NULL;
    bool present = curl_url_get(parts, part, &text, 0) == CURLUE_OK && text && *text;
    curl_free(text);
    return present;
}

/* "https://host:port", without a port that was not written. */
static const char *origin_of(struct grapnel_call *call, CURLU *parts) {
    char *scheme = NULL, *host = NULL, *port = NULL;
    const char *origin = NULL;
    if (curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
        curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK) {
        bool has_port = curl_url_get(parts, CURLUPART_PORT, &port, 0) == CURLUE_OK;
        origin = grapnel_format(call, "%s://%s%s%s", scheme, host, has_port ? ":" : "", has_port ? port : "");
    }
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    return origin;
}

const char *target_origin(struct grapnel_call *call, const char *url) {
    CURLU *parts = curl_url();
    const char *origin =
        parts && curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK ? origin_of(call, parts) : NULL;
    curl_url_cleanup(parts);
    return origin;
}

/* Null, or what is wrong. The URL itself is not repeated. */
static const char *parts_mistake(CURLU *parts) {
    if (part_present(parts, CURLUPART_USER) || part_present(parts, CURLUPART_PASSWORD))
        return "it holds a user or password: use `headers`, Authorization: …";
    if (part_present(parts, CURLUPART_FRAGMENT))
        return "what stands behind # is never sent: leave it out";
    return NULL;
}

int target_read(struct grapnel_call *call, const char *url, const char **origin) {
    if (strstr(url, "{{") || strstr(url, "}}"))
        return grapnel_fail(call, "`url`: it takes no templates: every event goes to the same place");
    *origin = target_origin(call, url);
    /* curl would take the path of https:///path for the host. */
    if (!*origin || (strncmp(*origin, "https://", 8) != 0 && strncmp(*origin, "http://", 7) != 0) ||
        strstr(url, ":///"))
        return grapnel_fail(call, "`url`: it must be like https://host/path or http://host/path");
    CURLU *parts = curl_url();
    const char *mistake = parts && curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK ? parts_mistake(parts)
                                                                                           : "memory is short for it";
    curl_url_cleanup(parts);
    return mistake ? grapnel_fail(call, "`url`: %s", mistake) : GRAPNEL_OK;
}
