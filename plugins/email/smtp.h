/* Handing mails to a mail server, over a connection that is kept between them. */
#ifndef EMAIL_SMTP_H
#define EMAIL_SMTP_H

#include <curl/curl.h>
#include <grapnel/plugin.h>
#include <stdbool.h>

#include "message.h"
#include "text.h"

enum { SMTP_COMMAND_SIZE = 300 };

/* Texts are borrowed from the settings. */
struct smtp_options {
    const char *url;                       /* smtp://host:587 or smtps://host */
    const char *starttls;                  /* auto, required or off */
    const char *user, *password, *ca_file; /* "" if none */
};

struct smtp {
    const char *url;
    CURL *curl;
    curl_socket_t socket;          /* of the connection that is open, libcurl's; -1: none */
    struct curl_slist *recipients; /* of the mail being sent */
    const char *message;           /* the same, and how much of it was read */
    size_t length, sent;
    bool begun; /* libcurl has asked for the message, so DATA was answered with 354 */
    char command
        [SMTP_COMMAND_SIZE]; /* the last that was sent: only its verb if it may hold a secret. "" before the first */
    struct text reply;       /* the server's last, its lines joined; empty before the first */
    bool reply_ended;        /* the next line begins another reply */
    bool leaving;            /* QUIT was sent: what the server says to that does not count */
    char error[CURL_ERROR_SIZE]; /* libcurl's words */
};

/* Can these options work? False: why not, and what to do, was added to `mistakes`. */
bool smtp_options_check(const struct smtp_options *options, struct text *mistakes);

/* Connects to nothing yet. The options were checked. False: memory is short. */
bool smtp_open(struct smtp *smtp, const struct smtp_options *options);
void smtp_close(struct smtp *smtp);

/* Sends the message to all that it is to, or to nobody. An enum grapnel_code; all but OK are said with grapnel_retry and its like. */
int smtp_send(struct smtp *smtp, struct grapnel_call *call, const struct message *message, const char *text,
              size_t length);

#endif
