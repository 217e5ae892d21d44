#include "answer.h"

#include <stdbool.h>

#include "target.h"

enum { RETRY_AFTER_LONGEST_S = 24 * 60 * 60, PRIVATE_SHORTEST = 4, PRIVATE_TOKEN = 16 };

/* The same event would get these answers for ever. Anything else may be a deployment half way through. */
static const long hopeless[] = { 400, 410, 413, 415, 422 };

size_t answer_take_head(char *data, size_t size, size_t count, void *owner) {
    (void)data;
    struct answer *answer = owner;
    answer->head_bytes += size * count;
    return answer->head_bytes <= ANSWER_HEAD_LIMIT ? size * count : 0;
}

size_t answer_take_body(char *data, size_t size, size_t count, void *owner) {
    struct answer *answer = owner;
    size_t length = size * count, room = sizeof answer->start - answer->start_length;
    size_t kept = length < room ? length : room;
    memcpy(answer->start + answer->start_length, data, kept);
    answer->start_length += kept;
    answer->body_bytes += length;
    return answer->body_bytes <= ANSWER_BODY_LIMIT ? length : 0;
}

/* ---- the start of the body, for people ---- */

/* How many bytes at `text` are `private`, whole or cut off by the end. */
static size_t private_length(const char *text, size_t length, const char *private) {
    size_t wanted = strlen(private), compared = wanted < length ? wanted : length;
    return compared >= PRIVATE_SHORTEST && memcmp(text, private, compared) == 0 ? compared : 0;
}

/* A server that shows the request in its error page must not bring our credentials into the log. */
static void private_hide(struct answer *answer, const char *private) {
    for (size_t i = 0; i < answer->start_length; i++) {
        size_t length = private_length(answer->start + i, answer->start_length - i, private);
        if (length) {
            memset(answer->start + i, '*', length);
            i += length - 1;
        }
    }
}

/* The URL's path and query, piece by piece: a page may show one of them alone. Words of a path are no secret, but what is as long as a
 * token may be one. */
static void private_hide_url(struct grapnel_call *call, struct answer *answer, const char *path) {
    bool query = false;
    while (*path) {
        size_t length = strcspn(path, "/?&=;#");
        if (query || length >= PRIVATE_TOKEN)
            private_hide(answer, grapnel_format(call, "%.*s", (int)length, path));
        path += length;
        query = query || *path == '?';
        path += *path != '\0';
    }
}

/* Header values, also without a word like Bearer before them; the secret; what of the URL is not its origin. */
static void private_hide_all(struct grapnel_call *call, struct answer *answer) {
    const char *url = grapnel_setting_text(call, "url"), *secret = grapnel_setting_text(call, "secret");
    const char *host = strstr(url, "://"), *path = host ? strpbrk(host + 3, "/?") : NULL, *query = strchr(url, '?');
    for (int64_t i = 0; i < grapnel_setting_count(call, "headers"); i++) {
        const char *value = grapnel_setting_text(call, grapnel_setting_member(call, "headers", i));
        const char *blank = strrchr(value, ' ');
        private_hide(answer, value);
        private_hide(answer, blank ? blank + 1 : value);
    }
    private_hide(answer, secret);
    private_hide(answer, strncmp(secret, "whsec_", 6) == 0 ? secret + 6 : secret);
    private_hide(answer, query ? query + 1 : "");
    private_hide(answer, path ? grapnel_format(call, "%.*s", (int)strcspn(path, "?"), path) : "");
    private_hide_url(call, answer, path ? path : "");
}

/* ": START…", or "". Grapnel escapes control characters and what is no UTF-8 wherever it shows a text; only a NUL would end it. */
static const char *start_shown(struct grapnel_call *call, struct answer *answer) {
    private_hide_all(call, answer);
    size_t length = answer->start_length;
    while (length && strchr(" \t\r\n", answer->start[length - 1]))
        length--;
    bool cut = length > ANSWER_SHOWN_SIZE || answer->body_bytes > answer->start_length;
    length = length < ANSWER_SHOWN_SIZE ? length : ANSWER_SHOWN_SIZE;
    while (cut && length && ((unsigned char)answer->start[length] & 0xc0) == 0x80)
        length--;
    for (size_t i = 0; i < length; i++)
        if (!answer->start[i])
            answer->start[i] = ' ';
    return length ? grapnel_format(call, ": %.*s%s", (int)length, answer->start, cut ? "…" : "") : "";
}

/* ---- judging ---- */

/* Nothing was answered. If not even a connection came about, no event will get through. */
static int judge_failure(struct grapnel_call *call, CURL *curl, const struct answer *answer, const char *origin) {
    curl_off_t connected = 0;
    const char *why = answer->error[0] ? answer->error : curl_easy_strerror(answer->result);
    curl_easy_getinfo(curl, CURLINFO_PRETRANSFER_TIME_T, &connected);
    if (connected == 0 || answer->result == CURLE_COULDNT_CONNECT || answer->result == CURLE_COULDNT_RESOLVE_HOST)
        return grapnel_busy(call, 0, "%s can't be reached: %s", origin, why);
    if (answer->result == CURLE_OPERATION_TIMEDOUT)
        return grapnel_retry(call, 0, "%s did not answer in time (`timeout`, `deadline`): %s", origin, why);
    return grapnel_retry(call, 0, "%s gave no answer: %s", origin, why);
}

static int64_t retry_after_ms(CURL *curl) {
    curl_off_t seconds = 0;
    curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &seconds); /* a date becomes seconds, negative ones for the past */
    seconds = seconds < 0 ? 0 : seconds > RETRY_AFTER_LONGEST_S ? RETRY_AFTER_LONGEST_S : seconds;
    return seconds * 1000;
}

static const char *redirect_shown(struct grapnel_call *call, CURL *curl) {
    const char *location = NULL;
    curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &location);
    const char *origin = location ? target_origin(call, location) : NULL;
    return origin ? grapnel_format(call, ", which points to %s, and redirects are not followed: correct `url`", origin)
                  : "";
}

/* A status that came is an answer, whatever became of the rest. */
int answer_judge(struct grapnel_call *call, CURL *curl, struct answer *answer, const char *origin) {
    long status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    if (status < 200)
        return judge_failure(call, curl, answer, origin);
    if (status < 300)
        return GRAPNEL_OK;
    const char *start = start_shown(call, answer);
    for (size_t i = 0; i < sizeof hopeless / sizeof *hopeless; i++)
        if (status == hopeless[i])
            return grapnel_fail(call, "%s answered %ld%s", origin, status, start);
    return grapnel_retry(call, retry_after_ms(curl), "%s answered %ld%s%s", origin, status, redirect_shown(call, curl),
                         start);
}
