/* What the settings say about the mail server. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "smtp.h"
#include "smtp_options.h"

/* A part of the address; null if it has none. The caller frees with curl_free. */
static char *part(CURLU *url, CURLUPart which) {
    char *text = NULL;
    return curl_url_get(url, which, &text, 0) == CURLUE_OK ? text : NULL;
}

static bool has_part(CURLU *url, CURLUPart which) {
    char *text = part(url, which);
    bool has = text && *text;
    curl_free(text);
    return has;
}

/* 127.0.0.0/8, ::1 and localhost, as they are written; no name is looked up. */
static bool host_is_loopback(const char *host) {
    static const char v4[] = "127.";
    return strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 ||
           (strncmp(host, v4, sizeof v4 - 1) == 0 && !host[strspn(host, "0123456789.")]);
}

/* Null: no address that can be used, and why was added to `mistakes`, if there are any to add to. */
static CURLU *url_read(const char *text, struct text *mistakes) {
    CURLU *url = curl_url();
    CURLUcode code = url ? curl_url_set(url, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME) : CURLUE_OUT_OF_MEMORY;
    char *scheme = code == CURLUE_OK ? part(url, CURLUPART_SCHEME) : NULL;
    const char *wrong = NULL;
    if (code != CURLUE_OK)
        wrong = curl_url_strerror(code);
    else if (!scheme || (strcasecmp(scheme, "smtp") != 0 && strcasecmp(scheme, "smtps") != 0))
        wrong = "it must begin with smtp:// (with STARTTLS) or smtps:// (TLS from the start)";
    else if (has_part(url, CURLUPART_USER) || has_part(url, CURLUPART_PASSWORD) || has_part(url, CURLUPART_OPTIONS))
        wrong = "a user or password in it would be shown: give them as `user` and `password`";
    else if (has_part(url, CURLUPART_QUERY) || has_part(url, CURLUPART_FRAGMENT))
        wrong = "nothing may follow the host but a port, and /NAME, which is what to say in EHLO";
    curl_free(scheme);
    if (!wrong)
        return url;
    if (mistakes)
        text_format(mistakes, "%ssmtp_url: this is no address of a mail server, as smtp://mail.example.com:587 is: %s",
                    mistakes->length ? "; " : "", wrong);
    curl_url_cleanup(url);
    return NULL;
}

enum smtp_security smtp_security(const struct smtp_options *options) {
    CURLU *url = url_read(options->url, NULL);
    char *scheme = url ? part(url, CURLUPART_SCHEME) : NULL, *host = url ? part(url, CURLUPART_HOST) : NULL;
    enum smtp_security security = SMTP_STARTTLS;
    if (scheme && strcasecmp(scheme, "smtps") == 0)
        security = SMTP_TLS;
    else if (strcmp(options->starttls, "off") == 0)
        security = SMTP_PLAIN;
    else if (strcmp(options->starttls, "auto") == 0 && host && host_is_loopback(host))
        security = SMTP_LOOPBACK;
    curl_free(scheme);
    curl_free(host);
    curl_url_cleanup(url);
    return security;
}

static void mistake_add(struct text *mistakes, const char *what) {
    text_format(mistakes, "%s%s", mistakes->length ? "; " : "", what);
}

bool smtp_options_check(const struct smtp_options *options, struct text *mistakes) {
    size_t before = mistakes->length;
    CURLU *url = url_read(options->url, mistakes);
    curl_url_cleanup(url);
    if (strcmp(options->starttls, "auto") != 0 && strcmp(options->starttls, "required") != 0 &&
        strcmp(options->starttls, "off") != 0)
        text_format(mistakes, "%sstarttls: \"%.80s\" is neither auto, required nor off", mistakes->length ? "; " : "",
                    options->starttls);
    if (*options->password && !*options->user)
        mistake_add(mistakes, "`password` without a `user`");
    if (*options->user && !*options->password)
        mistake_add(mistakes, "`user` without a `password`");
    if (*options->ca_file && access(options->ca_file, R_OK) != 0)
        text_format(mistakes, "%sca_file: %.200s can't be read", mistakes->length ? "; " : "", options->ca_file);
    return mistakes->length == before;
}
