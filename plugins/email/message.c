#include "message.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "header.h"
#include "quoted_printable.h"

enum { DATE_SIZE = 64, HEADER_NAME_LIMIT = 64 };

void message_key(const char *key, char out[MESSAGE_KEY_SIZE]) {
    size_t length = 0;
    for (; *key && length + 1 < MESSAGE_KEY_SIZE; key++)
        out[length++] = (char)(isalnum((unsigned char)*key) || *key == '~' ? *key : '-');
    if (!length)
        out[length++] = '-';
    out[length] = '\0';
}

const char *message_header_wrong(const char *name) {
    static const char *const own[] = { "From",    "Reply-To", "To",         "Cc",          "Bcc",
                                       "Subject", "Date",     "Message-ID", "MIME-Version" };
    for (const char *at = name; *at; at++)
        if (*at <= ' ' || *at > '~' || *at == ':')
            return "a header's name is made of ASCII letters, digits and hyphens";
    if (!*name || strlen(name) > HEADER_NAME_LIMIT)
        return "a header's name has 1 to 64 characters";
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (strcasecmp(name, own[i]) == 0)
            return "this header is made from the settings from, reply_to, to, cc, bcc and subject, or by the plugin "
                   "itself";
    if (strncasecmp(name, "Content-", strlen("Content-")) == 0)
        return "headers that begin with Content- are the plugin's own";
    return NULL;
}

/* English names whatever the locale is. */
static void date_write(time_t moment, struct text *out) {
    static const char days[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
    static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
    struct tm date = { 0 };
    gmtime_r(&moment, &date);
    text_format(out, "Date: %s, %d %s %04d %02d:%02d:%02d +0000\r\n", days[date.tm_wday], date.tm_mday,
                months[date.tm_mon], date.tm_year + 1900, date.tm_hour, date.tm_min, date.tm_sec);
}

/* In the sender's domain, which is whom the id speaks for. */
static void id_write(const char *key, const struct mailboxes *from, struct text *out) {
    const char *at = from->count ? strchr(from->entries[0].address, '@') : NULL;
    struct text id = { 0 };
    text_format(&id, "<%s@%s>", key, at ? at + 1 : "localhost");
    header_plain(out, "Message-ID", text_string(&id));
    out->failed = out->failed || id.failed;
    text_free(&id);
}

static bool header_given(const struct message *message, const char *name) {
    for (int i = 0; i < message->header_count; i++)
        if (strcasecmp(message->headers[i].name, name) == 0)
            return true;
    return false;
}

static void headers_write(const struct message *message, const char *key, struct text *out) {
    date_write(message->date, out);
    header_mailboxes(out, "From", &message->from);
    header_mailboxes(out, "Reply-To", &message->reply_to);
    header_mailboxes(out, "To", &message->to);
    header_mailboxes(out, "Cc", &message->cc);
    if (!message->to.count && !message->cc.count)
        header_plain(out, "To", "undisclosed-recipients:;");
    header_text(out, "Subject", message->subject);
    id_write(key, &message->from, out);
    for (int i = 0; i < message->header_count; i++)
        header_text(out, message->headers[i].name, message->headers[i].value);
    /* RFC 3834: nobody's holiday notice shall answer. */
    if (!header_given(message, "Auto-Submitted"))
        header_plain(out, "Auto-Submitted", "auto-generated");
    header_plain(out, "MIME-Version", "1.0");
}

static void part_write(const char *type, const char *body, struct text *out) {
    text_format(out,
                "Content-Type: text/%s; charset=utf-8\r\n"
                "Content-Transfer-Encoding: quoted-printable\r\n\r\n",
                type);
    quoted_printable_write(body, out);
}

void message_write(const struct message *message, struct text *out) {
    char key[MESSAGE_KEY_SIZE];
    message_key(message->key, key);
    headers_write(message, key, out);
    if (!message->text || !message->html) {
        part_write(message->text ? "plain" : "html", message->text ? message->text : message->html, out);
        return;
    }
    /* "=_" can't stand in a quoted-printable body, so no value can end a part (RFC 2045, 6.7). */
    char boundary[64];
    snprintf(boundary, sizeof boundary, "=_%.40s", key);
    text_format(out, "Content-Type: multipart/alternative;\r\n boundary=\"%s\"\r\n\r\n--%s\r\n", boundary, boundary);
    part_write("plain", message->text, out);
    /* The line break before a boundary belongs to it; the blank line leaves each part its own. */
    text_format(out, "\r\n--%s\r\n", boundary);
    part_write("html", message->html, out);
    text_format(out, "\r\n--%s--\r\n", boundary);
}
