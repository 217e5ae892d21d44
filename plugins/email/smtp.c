#include "smtp.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "smtp_options.h"

enum {
    LONGEST_MS = 600000, /* of one mail, where the plugin's deadline is longer: RFC 5321, 4.5.3.2.6 */
    LONGEST_CONNECT_MS = 10000,
    REPLY_LIMIT = 1000, /* bytes of a reply that are kept to be shown */
    KEEPALIVE_S = 60
};

/* ---- what libcurl calls ---- */

static size_t message_read(char *out, size_t size, size_t count, void *user) {
    struct smtp *smtp = user;
    size_t room = size * count, left = smtp->length - smtp->sent, length = left < room ? left : room;
    smtp->begun = true;
    memcpy(out, smtp->message + smtp->sent, length);
    smtp->sent += length;
    return length;
}

/* Each line that the server says: "250-first", "250 last". */
static size_t reply_read(char *line, size_t size, size_t count, void *user) {
    struct smtp *smtp = user;
    size_t length = size * count, shown = length;
    if (smtp->leaving) /* what was on its way already when the socket was shut down */
        return length;
    while (shown && (line[shown - 1] == '\r' || line[shown - 1] == '\n'))
        shown--;
    if (smtp->reply_ended)
        text_clear(&smtp->reply);
    smtp->reply_ended = shown < 4 || line[3] != '-';
    /* The code of a line that goes on a reply is not said twice. */
    size_t skipped = smtp->reply.length && shown >= 4 ? 4 : 0;
    if (smtp->reply.length < REPLY_LIMIT) {
        text_add_string(&smtp->reply, smtp->reply.length ? " " : "");
        text_add(&smtp->reply, line + skipped, shown - skipped < REPLY_LIMIT ? shown - skipped : REPLY_LIMIT);
    }
    return length;
}

/* Remembers which command was sent last, so that a failure can say what it was about. AUTH and what follows it is secret. QUIT comes
 * after the failure; libcurl would wait for the answer to it for up to two minutes. */
static int command_note(CURL *curl, curl_infotype type, char *data, size_t size, void *user) {
    struct smtp *smtp = user;
    static const char *const shown[] = { "EHLO ", "HELO ", "STARTTLS", "MAIL ", "RCPT ", "DATA" };
    (void)curl;
    if (type != CURLINFO_HEADER_OUT)
        return 0;
    while (size && (data[size - 1] == '\r' || data[size - 1] == '\n'))
        size--;
    smtp->leaving = size == strlen("QUIT") && memcmp(data, "QUIT", size) == 0;
    if (smtp->leaving) {
        shutdown(smtp->socket, SHUT_RD);
        return 0;
    }
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
        if (size >= strlen(shown[i]) && memcmp(data, shown[i], strlen(shown[i])) == 0) {
            snprintf(smtp->command, sizeof smtp->command, "%.*s", (int)(size < 280 ? size : 280), data);
            return 0;
        }
    snprintf(smtp->command, sizeof smtp->command, "AUTH");
    return 0;
}

static int connection_begin(void *user, curl_socket_t socket, curlsocktype purpose) {
    struct smtp *smtp = user;
    (void)purpose;
    smtp->socket = socket;
    smtp->leaving = false;
    return CURL_SOCKOPT_OK;
}

static int connection_end(void *user, curl_socket_t socket) {
    struct smtp *smtp = user;
    if (smtp->socket == socket)
        smtp->socket = -1;
    return close(socket);
}

/* ---- the connection ---- */

static bool options_set(struct smtp *smtp, const struct smtp_options *options) {
    CURL *curl = smtp->curl;
    enum smtp_security security = smtp_security(options);
    bool protects = security == SMTP_STARTTLS;
    bool set =
        curl_easy_setopt(curl, CURLOPT_URL, options->url) == CURLE_OK &&
        curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps") == CURLE_OK &&
        curl_easy_setopt(curl, CURLOPT_USE_SSL, protects ? (long)CURLUSESSL_ALL : (long)CURLUSESSL_NONE) == CURLE_OK &&
        curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
        curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
        curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK;
    if (set && *options->ca_file)
        set = curl_easy_setopt(curl, CURLOPT_CAINFO, options->ca_file) == CURLE_OK;
    if (set && *options->user)
        set = curl_easy_setopt(curl, CURLOPT_USERNAME, options->user) == CURLE_OK &&
              curl_easy_setopt(curl, CURLOPT_PASSWORD, options->password) == CURLE_OK;
    return set;
}

bool smtp_open(struct smtp *smtp, const struct smtp_options *options) {
    *smtp = (struct smtp){ .url = options->url, .curl = curl_easy_init(), .socket = -1 };
    CURL *curl = smtp->curl;
    if (!curl || !options_set(smtp, options)) {
        smtp_close(smtp);
        return false;
    }
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROXY, ""); /* the environment's proxies are for HTTP */
    curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(curl, CURLOPT_TCP_KEEPIDLE, (long)KEEPALIVE_S);
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, message_read);
    curl_easy_setopt(curl, CURLOPT_READDATA, smtp);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, reply_read);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, smtp);
    curl_easy_setopt(curl, CURLOPT_DEBUGFUNCTION, command_note);
    curl_easy_setopt(curl, CURLOPT_DEBUGDATA, smtp);
    curl_easy_setopt(curl, CURLOPT_SOCKOPTFUNCTION, connection_begin);
    curl_easy_setopt(curl, CURLOPT_SOCKOPTDATA, smtp);
    curl_easy_setopt(curl, CURLOPT_CLOSESOCKETFUNCTION, connection_end);
    curl_easy_setopt(curl, CURLOPT_CLOSESOCKETDATA, smtp);
    curl_easy_setopt(curl, CURLOPT_VERBOSE, 1L); /* to have the former called; nothing is printed */
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, smtp->error);
    return true;
}

/* QUIT is sent, its answer not waited for. */
void smtp_close(struct smtp *smtp) {
    if (smtp->curl && smtp->socket >= 0)
        shutdown(smtp->socket, SHUT_RD);
    curl_easy_cleanup(smtp->curl);
    curl_slist_free_all(smtp->recipients);
    text_free(&smtp->reply);
    *smtp = (struct smtp){ 0 };
}

/* ---- what became of it ---- */

static int reply_code(const struct smtp *smtp) {
    return (int)strtol(text_string(&smtp->reply), NULL, 10);
}

static bool command_is(const struct smtp *smtp, const char *verb) {
    return strncmp(smtp->command, verb, strlen(verb)) == 0;
}

/* Whether the mail itself is what the server spoke of, and not the connection or who we are. */
static bool about_the_mail(const struct smtp *smtp) {
    static const int about_us[] = { 530, 534, 535, 538 }; /* log in first, and how: RFC 4954, 6 */
    for (size_t i = 0; i < sizeof about_us / sizeof *about_us; i++)
        if (reply_code(smtp) == about_us[i])
            return false;
    return command_is(smtp, "MAIL") || command_is(smtp, "RCPT") || command_is(smtp, "DATA");
}

/* `fresh`: a connection was made for this mail. */
static enum grapnel_code judge(const struct smtp *smtp, CURLcode result, bool fresh) {
    int code = reply_code(smtp);
    switch (result) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
        return GRAPNEL_BUSY;
    case CURLE_USE_SSL_FAILED: /* not offered, or refused */
        return code / 100 == 4 ? GRAPNEL_RETRY : GRAPNEL_BUSY;
    default:
        break;
    }
    if (code / 100 == 4)
        return GRAPNEL_RETRY;
    if (code / 100 == 5)
        return about_the_mail(smtp) ? GRAPNEL_FAIL : GRAPNEL_BUSY;
    if (result == CURLE_LOGIN_DENIED)
        return GRAPNEL_BUSY; /* no way to log in that both know */
    if (result == CURLE_OPERATION_TIMEDOUT && fresh && !code)
        return GRAPNEL_BUSY; /* not one word came from there */
    return GRAPNEL_RETRY;
}

/* `smtp://host: RCPT TO:<a@b>: the server says "550 5.1.1 No such user"`. */
static int answer(struct smtp *smtp, struct grapnel_call *call, CURLcode result, bool fresh) {
    const char *about = smtp->begun ? "the mail itself" : *smtp->command ? smtp->command : "connecting";
    const char *why = *smtp->error ? smtp->error : curl_easy_strerror(result);
    int code = reply_code(smtp);
    const char *text = code >= 400 ? grapnel_format(call, "%s: %s: the server says \"%s\"", smtp->url, about,
                                                    text_string(&smtp->reply))
                                   : grapnel_format(call, "%s: %s: %s", smtp->url, about, why);
    switch (judge(smtp, result, fresh)) {
    case GRAPNEL_FAIL:
        return grapnel_fail(call, "%s", text);
    case GRAPNEL_BUSY:
        return grapnel_busy(call, 0, "%s", text);
    default:
        return grapnel_retry(call, 0, "%s", text);
    }
}

/* ---- sending ---- */

/* Each once: a server may take a second RCPT of the same for a mistake. */
static bool recipient_add(struct smtp *smtp, const char *address) {
    for (const struct curl_slist *known = smtp->recipients; known; known = known->next)
        if (strcmp(known->data, address) == 0)
            return true;
    struct curl_slist *list = curl_slist_append(smtp->recipients, address);
    if (list)
        smtp->recipients = list;
    return list != NULL;
}

static bool recipients_set(struct smtp *smtp, const struct message *message) {
    enum { LISTS = 3 };
    const struct mailboxes *const lists[LISTS] = { &message->to, &message->cc, &message->bcc };
    curl_slist_free_all(smtp->recipients);
    smtp->recipients = NULL;
    for (int i = 0; i < LISTS; i++)
        for (int j = 0; j < lists[i]->count; j++)
            if (!recipient_add(smtp, lists[i]->entries[j].address))
                return false;
    return curl_easy_setopt(smtp->curl, CURLOPT_MAIL_FROM, message->from.entries[0].address) == CURLE_OK &&
           curl_easy_setopt(smtp->curl, CURLOPT_MAIL_RCPT, smtp->recipients) == CURLE_OK;
}

/* `fresh`: says whether a connection was made. */
static CURLcode transfer(struct smtp *smtp, struct grapnel_call *call, bool *fresh) {
    long connects = 0;
    int64_t left = grapnel_ms_left(call);
    long limit = (long)(left > LONGEST_MS ? LONGEST_MS : left * 9 / 10);
    limit = limit > 0 ? limit : 1; /* 0 would be no limit */
    curl_easy_setopt(smtp->curl, CURLOPT_TIMEOUT_MS, limit);
    curl_easy_setopt(smtp->curl, CURLOPT_CONNECTTIMEOUT_MS,
                     limit / 2 < LONGEST_CONNECT_MS ? limit / 2 + 1 : (long)LONGEST_CONNECT_MS);
    smtp->sent = 0;
    smtp->begun = false;
    smtp->command[0] = smtp->error[0] = '\0';
    text_clear(&smtp->reply);
    smtp->reply_ended = smtp->leaving = false;
    CURLcode result = curl_easy_perform(smtp->curl);
    curl_easy_getinfo(smtp->curl, CURLINFO_NUM_CONNECTS, &connects);
    *fresh = connects > 0;
    /* After a timeout behind DATA libcurl would keep the connection, and take the late answer for one to the next mail. */
    if (result != CURLE_OK && smtp->socket >= 0)
        shutdown(smtp->socket, SHUT_RDWR);
    return result;
}

/* Servers close connections that were idle, or had enough mails; that says nothing about this mail. */
static bool was_stale(const struct smtp *smtp, CURLcode result, bool fresh) {
    int code = reply_code(smtp);
    return result != CURLE_OK && !fresh && !smtp->begun && result != CURLE_OPERATION_TIMEDOUT &&
           (code == 421 || code < 400);
}

int smtp_send(struct smtp *smtp, struct grapnel_call *call, const struct message *message, const char *text,
              size_t length) {
    bool fresh;
    smtp->message = text;
    smtp->length = length;
    if (!recipients_set(smtp, message) ||
        curl_easy_setopt(smtp->curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)length) != CURLE_OK)
        return grapnel_retry(call, 0, "memory is short for this mail: raise `memory` of the plugin");
    CURLcode result = transfer(smtp, call, &fresh);
    if (was_stale(smtp, result, fresh)) {
        curl_easy_setopt(smtp->curl, CURLOPT_FRESH_CONNECT, 1L);
        result = transfer(smtp, call, &fresh);
        curl_easy_setopt(smtp->curl, CURLOPT_FRESH_CONNECT, 0L);
    }
    if (result != CURLE_OK)
        return answer(smtp, call, result, fresh);
    grapnel_log(call, GRAPNEL_DEBUG, "%s took the mail: %s", smtp->url, text_string(&smtp->reply));
    return GRAPNEL_OK;
}
