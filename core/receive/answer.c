/* The table of answers (what a sender can rely on) and how they become bytes. */
#include "receive/answer.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

/* Senders are told what they can mend, and nothing that would help to forge a signature. */
static const struct answer_row rows[ANSWER_COUNT] = {
    [ANSWER_ACCEPTED] = { 200, "OK", "accepted", "accepted", "", "{\"received\":true}" },
    [ANSWER_DUPLICATE] = { 200, "OK", "duplicate", "a duplicate", "", "{\"received\":true,\"duplicate\":true}" },
    [ANSWER_CONFLICT] = { 200, "OK", "conflict", "a duplicate with another body", "",
                          "{\"received\":true,\"duplicate\":true}" },
    [ANSWER_CHALLENGE] = { 200, "OK", "challenge", "a challenge", "", "" },
    [ANSWER_SIGNATURE] = { 400, "Bad Request", "signature", "the signature is wrong", "",
                           "signature verification failed" },
    [ANSWER_TIMESTAMP] = { 400, "Bad Request", "timestamp", "the timestamp is off", "",
                           "timestamp outside the tolerance" },
    [ANSWER_NOT_JSON] = { 400, "Bad Request", "json", "the body is not JSON", "", "the body is not JSON" },
    [ANSWER_NO_EVENT] = { 400, "Bad Request", "event", "no event id or type", "",
                          "the event has no usable id or type" },
    [ANSWER_MALFORMED] = { 400, "Bad Request", "malformed", "the request is malformed", "", "malformed request" },
    [ANSWER_NOT_FOUND] = { 404, "Not Found", "path", "no source has this path", "",
                           "nothing is received at this path" },
    [ANSWER_ADDRESS] = { 403, "Forbidden", "address", "the sender's address is not allowed", "",
                         "this address is not allowed" },
    [ANSWER_METHOD] = { 405, "Method Not Allowed", "method", "not a POST", "Allow: POST\r\n", "send it with POST" },
    [ANSWER_SLOW] = { 408, "Request Timeout", "slow", "the request did not arrive in time", "",
                      "the request did not arrive in time" },
    [ANSWER_BODY_SIZE] = { 413, "Content Too Large", "size", "the body is over the limit", "",
                           "the body is too large" },
    [ANSWER_CONTENT_TYPE] = { 415, "Unsupported Media Type", "content_type", "the content type is not JSON", "",
                              "the content type must be application/json" },
    [ANSWER_EXPECTATION] = { 417, "Expectation Failed", "expectation", "an unknown Expect header", "",
                             "the expectation is not known" },
    [ANSWER_RATE] = { 429, "Too Many Requests", "rate", "the source's rate is used up", "",
                      "too many requests, try again later" },
    [ANSWER_HEAD_SIZE] = { 431, "Request Header Fields Too Large", "header_size", "the request head is too large", "",
                           "the request head is too large" },
    [ANSWER_VERSION] = { 505, "HTTP Version Not Supported", "version", "neither HTTP/1.0 nor HTTP/1.1", "",
                         "neither HTTP/1.0 nor HTTP/1.1" },
    [ANSWER_UNAVAILABLE] = { 503, "Service Unavailable", "unavailable", "the event could not be stored",
                             "Retry-After: 5\r\n", "the event could not be stored, try again" },
};

const struct answer_row *answer_row(enum answer answer) {
    return &rows[answer];
}

enum { DATE_LENGTH = sizeof("Sun, 06 Nov 1994 08:49:37 GMT") - 1 };

void answer_date_update(struct answer_date *date) {
    time_t now = time(NULL);
    if (now == date->second)
        return;
    struct tm parts;
    gmtime_r(&now, &parts);
    strftime(date->text, sizeof(date->text), "%a, %d %b %Y %H:%M:%S GMT", &parts);
    date->second = now;
}

void answer_format(struct answer_bytes *bytes, enum answer answer, const struct answer_style *style) {
    const struct answer_row *row = &rows[answer];
    struct bytes text = style->text.data != NULL ? style->text : bytes_of(row->text);
    if (text.length > ANSWER_TEXT_LIMIT)
        text.length = ANSWER_TEXT_LIMIT;
    const char *prefix = row->status >= 400 ? "Webhook Error: " : "";
    bool json = row->text[0] == '{';
    char retry[64] = "";
    if (style->retry_after_s > 0)
        snprintf(retry, sizeof(retry), "Retry-After: %lld\r\n", (long long)style->retry_after_s);

    int length = snprintf(bytes->bytes, sizeof(bytes->bytes), "HTTP/1.1 %d %s\r\nDate: ", row->status, row->phrase);
    bytes->date = (size_t)length;
    length +=
        snprintf(bytes->bytes + length, sizeof(bytes->bytes) - (size_t)length,
                 "%*s\r\n%s%sContent-Type: %s\r\nContent-Length: %zu\r\nConnection: %s\r\n\r\n%s", DATE_LENGTH, "",
                 row->header, retry, json ? "application/json" : "text/plain; charset=utf-8",
                 strlen(prefix) + text.length, style->closes ? "close" : "keep-alive", style->no_body ? "" : prefix);
    if (!style->no_body) {
        memcpy(bytes->bytes + length, text.data, text.length);
        length += (int)text.length;
    }
    bytes->length = (size_t)length;
}

bool answer_send_bytes(int socket, struct bytes bytes) {
    if (send(socket, bytes.data, bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)bytes.length)
        return true;
    shutdown(socket, SHUT_RDWR);
    return false;
}

bool answer_send(int socket, const struct answer_bytes *bytes, struct answer_date *date) {
    char sent[ANSWER_BYTES_LIMIT];
    memcpy(sent, bytes->bytes, bytes->length);
    answer_date_update(date);
    memcpy(sent + bytes->date, date->text, DATE_LENGTH);
    return answer_send_bytes(socket, (struct bytes){ sent, bytes->length });
}
