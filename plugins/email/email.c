/* email.so: a mail for each event, made from templates, handed to a mail server or written into a Maildir. */
#include <errno.h>
#include <grapnel/plugin.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "layout.h"
#include "maildir.h"
#include "message.h"
#include "smtp.h"
#include "smtp_options.h"

struct email {
    struct layouts layouts;
    struct message message; /* of the current event, as is all of the next */
    struct text bodies[2], written;
    const char *maildir_path; /* null: by SMTP */
    struct maildir maildir;
    struct smtp smtp;
};

/* The strings are in pieces because slash and star would open a comment. */
static const struct grapnel_setting settings[] = {
    { "smtp_url", GRAPNEL_TEXT, "",
      "The mail server: smtp://host:587 (STARTTLS) or smtps://host (TLS); or give maildir" },
    { "starttls", GRAPNEL_TEXT, "auto", "For smtp://: required, off, or auto, which is off on loopback only" },
    { "user", GRAPNEL_TEXT, "", "For the mail server, if it wants one" },
    { "password", GRAPNEL_SECRET, "", "The user's" },
    { "ca_file", GRAPNEL_TEXT, "",
      "Certificates (PEM) that the mail server's is checked against; the system's if empty" },
    { "maildir", GRAPNEL_TEXT, "", "A folder to write mails into instead of sending them, to try things out" },
    { "timezone", GRAPNEL_TEXT, "UTC", "In which the filters time and time_ms write, such as Europe/Berlin" },
    { "from", GRAPNEL_TEXT, "", "Template: Shop <shop@example.com>" },
    { "reply_to", GRAPNEL_TEXT, "", "Template: where answers go, if not to from" },
    { "to", GRAPNEL_TEXT, "", "Template: who gets the mail; several with commas between, or a list" },
    { "to/"
      "*",
      GRAPNEL_TEXT, NULL, "The same as a list" },
    { "cc", GRAPNEL_TEXT, "", "Template: who gets a copy" },
    { "cc/"
      "*",
      GRAPNEL_TEXT, NULL, "The same as a list" },
    { "bcc", GRAPNEL_TEXT, "", "Template: who gets a copy that the others do not see" },
    { "bcc/"
      "*",
      GRAPNEL_TEXT, NULL, "The same as a list" },
    { "subject", GRAPNEL_TEXT, "", "Template" },
    { "text", GRAPNEL_TEXT, "", "Template of the mail as plain text" },
    { "html", GRAPNEL_TEXT, "", "Template of the mail as HTML; values are escaped" },
    { "headers/"
      "*",
      GRAPNEL_TEXT, NULL, "Template of a further header of that name" },
    { "templates/"
      "*"
      "/from",
      GRAPNEL_TEXT, "", "For events of this type (a * matches any characters), as above" },
    { "templates/"
      "*"
      "/reply_to",
      GRAPNEL_TEXT, "", "The same" },
    { "templates/"
      "*"
      "/to",
      GRAPNEL_TEXT, "", "The same" },
    { "templates/"
      "*"
      "/to/"
      "*",
      GRAPNEL_TEXT, NULL, "The same" },
    { "templates/"
      "*"
      "/cc",
      GRAPNEL_TEXT, "", "The same" },
    { "templates/"
      "*"
      "/cc/"
      "*",
      GRAPNEL_TEXT, NULL, "The same" },
    { "templates/"
      "*"
      "/bcc",
      GRAPNEL_TEXT, "", "The same" },
    { "templates/"
      "*"
      "/bcc/"
      "*",
      GRAPNEL_TEXT, NULL, "The same" },
    { "templates/"
      "*"
      "/subject",
      GRAPNEL_TEXT, "", "The same" },
    { "templates/"
      "*"
      "/text",
      GRAPNEL_TEXT, "", "The same; an entry with text or html uses neither from above" },
    { "templates/"
      "*"
      "/html",
      GRAPNEL_TEXT, "", "The same" },
    { 0 },
};

/* ---- settings ---- */

static void mistake_add(struct text *mistakes, const char *what) {
    text_format(mistakes, "%s%s", mistakes->length ? "; " : "", what);
}

static struct smtp_options smtp_options(struct grapnel_call *call) {
    return (struct smtp_options){ .url = grapnel_setting_text(call, "smtp_url"),
                                  .starttls = grapnel_setting_text(call, "starttls"),
                                  .user = grapnel_setting_text(call, "user"),
                                  .password = grapnel_setting_text(call, "password"),
                                  .ca_file = grapnel_setting_text(call, "ca_file") };
}

/* The C library takes a name that it does not know for UTC without a word. */
static void timezone_check(const char *name, struct text *mistakes) {
    struct text path = { 0 };
    struct stat status;
    text_format(&path, "/usr/share/zoneinfo/%s", name);
    bool good = *name && *name != '/' && !strstr(name, "..") && stat(text_string(&path), &status) == 0 &&
                S_ISREG(status.st_mode);
    text_free(&path);
    if (!good && strcmp(name, "UTC") != 0)
        text_format(
            mistakes,
            "%stimezone: there is no /usr/share/zoneinfo/%.80s: correct the name, or install the package tzdata",
            mistakes->length ? "; " : "", name);
}

/* All that can be said without touching anything; into `mistakes`. */
static void settings_check(struct grapnel_call *call, struct layouts *layouts, struct text *mistakes) {
    struct smtp_options options = smtp_options(call);
    bool server = *options.url, folder = *grapnel_setting_text(call, "maildir");
    if (server && folder)
        mistake_add(mistakes, "`smtp_url` and `maildir` exclude each other: mails are sent, or written into a folder");
    if (!server && !folder)
        mistake_add(mistakes, "`smtp_url` is missing, the mail server; or give `maildir`, a folder, to try things out");
    if (server)
        smtp_options_check(&options, mistakes);
    timezone_check(grapnel_setting_text(call, "timezone"), mistakes);
    layouts_read(layouts, call, mistakes);
}

static const char *maildir_explain(struct grapnel_call *call, const char *path, int error) {
    switch (error) {
    case ENOENT:
        return grapnel_format(call, "maildir: %s: the folder that it is to be in does not exist: create it", path);
    case ENOTDIR:
        return grapnel_format(call, "maildir: %s is no folder: `maildir` must name one, or what is to become one",
                              path);
    case ENOSPC:
    case EDQUOT:
        return grapnel_format(call, "maildir: %s: the disk is full: make room; events wait meanwhile", path);
    default:
        return grapnel_format(call, "maildir: %s: %s", path, strerror(error));
    }
}

static int check(struct grapnel_call *call) {
    struct layouts layouts = { 0 };
    struct text mistakes = { 0 };
    const char *path = grapnel_setting_text(call, "maildir");
    settings_check(call, &layouts, &mistakes);
    int error = *path ? maildir_probe(path) : 0;
    if (error)
        mistake_add(&mistakes, maildir_explain(call, path, error));
    layouts_free(&layouts);
    int code = mistakes.length ? grapnel_fail(call, "%s", text_string(&mistakes)) : GRAPNEL_OK;
    text_free(&mistakes);
    return code;
}

/* ---- the life of a worker ---- */

static void email_free(struct email *email) {
    if (email->maildir_path)
        maildir_close(&email->maildir);
    else
        smtp_close(&email->smtp);
    layouts_free(&email->layouts);
    text_free(&email->bodies[0]);
    text_free(&email->bodies[1]);
    text_free(&email->written);
    free(email);
}

static int smtp_start(struct grapnel_call *call, struct email *email) {
    struct smtp_options options = smtp_options(call);
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || !smtp_open(&email->smtp, &options))
        return grapnel_busy(call, 0, "libcurl can't start: memory is short");
    if (*options.password && smtp_security(&options) == SMTP_PLAIN)
        grapnel_log(call, GRAPNEL_WARN, "starttls is off: the password goes to %s unencrypted", options.url);
    return GRAPNEL_OK;
}

static int maildir_start(struct grapnel_call *call, struct email *email, const char *path) {
    email->maildir_path = path;
    int error = maildir_open(&email->maildir, path);
    if (!error)
        return GRAPNEL_OK;
    const char *why = maildir_explain(call, path, error);
    bool hopeless = maildir_probe(path) != 0; /* no waiting will mend it, as it would a full disk */
    return hopeless ? grapnel_fail(call, "%s", why) : grapnel_busy(call, 0, "%s", why);
}

static int start(struct grapnel_call *call, struct email *email) {
    struct text mistakes = { 0 };
    settings_check(call, &email->layouts, &mistakes);
    int code = mistakes.length ? grapnel_fail(call, "%s", text_string(&mistakes)) : GRAPNEL_OK;
    text_free(&mistakes);
    if (code != GRAPNEL_OK)
        return code;
    if (setenv("TZ", grapnel_format(call, ":%s", grapnel_setting_text(call, "timezone")), 1) != 0)
        return grapnel_busy(call, 0, "memory is short");
    tzset();
    const char *path = grapnel_setting_text(call, "maildir");
    return *path ? maildir_start(call, email, path) : smtp_start(call, email);
}

static int init(struct grapnel_call *call, void **self) {
    struct email *email = calloc(1, sizeof *email);
    if (!email)
        return grapnel_busy(call, 0, "memory is short");
    email->maildir = (struct maildir){ -1, -1, -1 };
    int code = start(call, email);
    if (code == GRAPNEL_OK)
        *self = email;
    else
        email_free(email);
    return code;
}

/* ---- one event ---- */

/* What goes wrong with the folder goes wrong for every event. */
static int store(struct grapnel_call *call, struct email *email) {
    char key[MESSAGE_KEY_SIZE];
    int error = email->maildir.new < 0 ? maildir_open(&email->maildir, email->maildir_path) : 0;
    message_key(email->message.key, key);
    if (!error)
        error = maildir_store(&email->maildir, key, email->written.data, email->written.length);
    if (!error)
        return GRAPNEL_OK;
    maildir_close(&email->maildir); /* it may have been removed, and is made again at the next try */
    return grapnel_busy(call, 0, "%s", maildir_explain(call, email->maildir_path, error));
}

static int deliver(struct grapnel_call *call, void *self) {
    struct email *email = self;
    struct text fault = { 0 };
    bool composed = layouts_compose(&email->layouts, call, &email->message, email->bodies, &fault);
    int code = composed ? GRAPNEL_OK : grapnel_fail(call, "%s", text_string(&fault));
    text_free(&fault);
    if (!composed)
        return code;
    text_clear(&email->written);
    message_write(&email->message, &email->written);
    if (email->written.failed)
        return grapnel_fail(call, "the mail is larger than %d MiB, or memory is short: raise `memory` of the plugin",
                            TEXT_LIMIT / 1024 / 1024);
    if (email->maildir_path)
        return store(call, email);
    return smtp_send(&email->smtp, call, &email->message, email->written.data, email->written.length);
}

static void shutdown_email(struct grapnel_call *call, void *self) {
    (void)call;
    struct email *email = self;
    bool by_smtp = !email->maildir_path;
    email_free(email);
    if (by_smtp)
        curl_global_cleanup();
}

GRAPNEL_PLUGIN(.name = "email", .version = "1.0.0", .summary = "Sends a mail for each event, made from templates",
               .settings = settings, .check = check, .init = init, .deliver = deliver, .shutdown = shutdown_email);
