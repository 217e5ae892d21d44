#include "admin/guard.h"

#include <string.h>

/* The value of a header that must not stand twice. Null data if it is not there; false if it is there more than once. */
static bool header_once(struct request *request, const char *name, struct bytes *value) {
    struct bytes second;
    *value = (struct bytes){ NULL, 0 };
    return !request_header(request, name, 0, value) || !request_header(request, name, 1, &second);
}

/* Cuts `start` off the text, whatever the case of its letters. */
static bool begins(struct bytes *text, const char *start) {
    struct bytes wanted = bytes_of(start);
    if (text->length < wanted.length || !bytes_equal_nocase((struct bytes){ text->data, wanted.length }, wanted))
        return false;
    text->data += wanted.length;
    text->length -= wanted.length;
    return true;
}

bool guard_origin(struct request *request, struct fault *reason) {
    struct bytes origin, host;
    if (!header_once(request, "Origin", &origin) || !header_once(request, "Host", &host))
        return fault_set(reason, "the header Origin or Host stands more than once");
    if (origin.data == NULL)
        return true;
    if (host.length > 0 && (begins(&origin, "http://") || begins(&origin, "https://")) &&
        bytes_equal_nocase(origin, host))
        return true;
    return fault_set(
        reason,
        "the request comes from a page of another origin; what asks must come from this host, or be no browser");
}

bool guard_token(struct request *request, struct bytes token, struct fault *reason) {
    static const char advice[] =
        "send `Authorization: Bearer TOKEN`, with the token that is configured under `admin: token:` "
        "(STATE/admin.token where nothing is)";
    struct bytes shown;
    if (!header_once(request, "Authorization", &shown))
        return fault_set(reason, "the header Authorization stands more than once; %s", advice);
    if (shown.data == NULL)
        return fault_set(reason, "this needs a token; %s", advice);
    if (!begins(&shown, "Bearer "))
        return fault_set(reason, "the header Authorization is not of the kind Bearer; %s", advice);
    while (shown.length > 0 && shown.data[0] == ' ') {
        shown.data++;
        shown.length--;
    }
    if (shown.length != token.length || !bytes_equal_constant_time(shown.data, token.data, token.length))
        return fault_set(reason, "the token is wrong; %s", advice);
    return true;
}
