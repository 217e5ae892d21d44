/* grapnel/plugin.h: all that a plugin of the Grapnel webhook receiver needs. There is no library to link.
 *
 * A plugin is one shared object that exports one function, grapnel_plugin_v1, which the macro GRAPNEL_PLUGIN at the
 * end writes. A whole one:
 *
 *     #include <grapnel/plugin.h>
 *
 *     static int deliver(struct grapnel_call *call, void *self) {
 *         (void)self;
 *         const char *amount = grapnel_json(call, "/data/object/amount");
 *         if (!amount)
 *             return grapnel_fail(call, "the event has no amount");
 *         grapnel_log(call, GRAPNEL_INFO, "%s paid %s", grapnel_id(call), amount);
 *         return GRAPNEL_OK;
 *     }
 *
 *     GRAPNEL_PLUGIN(.name = "hello", .version = "1.0.0", .summary = "Says what was paid", .deliver = deliver);
 *
 *     cc -shared -fPIC $(pkg-config --cflags grapnel-sdk) -o hello.so hello.c
 *
 * Grapnel loads each plugin in a process of its own, a worker. If it crashes, hangs or leaks, only that process is
 * lost, and the event is delivered again to a fresh one. The life of a worker:
 *
 *        load ── init ──┬── deliver ── deliver ── … ── flush ──┬── shutdown ── exit
 *                       └───────────────◀──────────────────────┘
 *
 * Five rules follow, and everything below relies on them:
 *
 *   ONE THREAD     check, init, deliver, flush and shutdown run on one thread, one at a time, and grapnel_* may be called
 *                  from that thread only, while one of them runs. For more at once the operator sets `workers: N` and
 *                  gets N processes. A plugin may start threads of its own; they can't call grapnel_*.
 *   AT LEAST ONCE  an event can come again, even after GRAPNEL_OK was returned, if Grapnel (or the machine) was stopped
 *                  before it had noted that. grapnel_key is the same each time: use it to do the work once (a UNIQUE
 *                  column, an Idempotency-Key header).
 *   POINTERS       what grapnel_* returns lives until the function of yours that is running returns: copy what you keep.
 *                  What comes from settings lives as long as the process. Texts that you hand over are copied at once.
 *                  Nothing is yours to free.
 *   THE PROCESS    stdin is empty; stdout and stderr go to Grapnel's log, line by line; descriptor GRAPNEL_STDOUT is the
 *                  daemon's own standard output; SIGPIPE is ignored, all other signals are at their default; the working
 *                  folder is the config file's, so relative paths in settings mean what the operator expects; data is
 *                  limited to `memory`, and each call to `deadline`. Descriptors that you didn't open are not yours.
 *   GROWTH         structs only grow at their end, and the reader knows the writer's size: a plugin built today loads in
 *                  every later 1.x, and one built with a later 1.x header loads today. The wrappers check what the
 *                  running Grapnel has.
 *
 * This header needs nothing but the standard C headers below and compiles as C11 and later and C++11 and later. */
#ifndef GRAPNEL_PLUGIN_H
#define GRAPNEL_PLUGIN_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ==== What a function of the plugin answers ======================================================================= */

/* What became of an event (deliver, flush), or of init and check:
 *
 *   OK     done; not delivered again
 *   RETRY  this event, not now: a mailbox that is full, a row that is locked. Uses up one of the event's attempts.
 *   FAIL   this event, never: trying again can't help. It becomes a dead letter, which people look at.
 *   BUSY   what every event needs is down (the database, the mail server): all wait, and no attempt is used up.
 *
 * Any other value counts as RETRY. */
enum grapnel_code { GRAPNEL_OK = 0, GRAPNEL_RETRY = 1, GRAPNEL_FAIL = 2, GRAPNEL_BUSY = 3 };

/* For grapnel_log. The operator sees INFO and above unless configured otherwise. */
enum grapnel_level { GRAPNEL_DEBUG, GRAPNEL_INFO, GRAPNEL_WARN, GRAPNEL_ERROR };

/* The descriptor of the daemon's own standard output, open for writing in every worker: for plugins whose output is
 * the product and may not be mixed with log lines. All workers share it: write whole lines with one write(2) each; a
 * pipe keeps lines of up to 4096 bytes (PIPE_BUF) whole. Don't close it.
 *
 *     static const char line[] = "paid\n";
 *     if (write(GRAPNEL_STDOUT, line, sizeof line - 1) < 0) … */
#define GRAPNEL_STDOUT 3

/* ==== Settings: what the plugin takes from the config file ======================================================== */

/* The type of a setting. The config file is checked against it, with file and line, before any function of the plugin
 * is called. */
enum grapnel_kind {
    GRAPNEL_TEXT,
    GRAPNEL_INTEGER,  /* 587, -1 */
    GRAPNEL_BOOLEAN,  /* true, false */
    GRAPNEL_DURATION, /* 500ms 10s 5m 6h 30d; read as milliseconds */
    GRAPNEL_SIZE,     /* 512 64KiB 1MiB; read as bytes */
    GRAPNEL_SECRET    /* a text that Grapnel never logs or shows */
};

/* One row of the table of settings; a row whose name is null ends the table.
 *
 *     static const struct grapnel_setting settings[] = {
 *         { "smtp_url", GRAPNEL_TEXT, NULL, "Where mail is handed over, smtp://host:587" },
 *         { "timeout", GRAPNEL_DURATION, "10s", "How long the mail server may take" },
 *         { "password", GRAPNEL_SECRET, "", "For the mail server, if it wants one" },
 *         { "command/" "*", GRAPNEL_TEXT, NULL, "A list of texts: command: [ sort, -u ]" },
 *         { "templates/" "*" "/subject", GRAPNEL_TEXT, "News", "templates: { order.paid: { subject: Thanks } }" },
 *         { NULL, 0, NULL, NULL }
 *     };
 *
 * A name is a path of words joined by slashes, in which "*" stands for each member of a list or each key of a map.
 * (The strings above are in pieces only because slash and star would open a comment here.) Wherever a text may stand
 * in the config file, { file: PATH } and { env: NAME } may stand too; the plugin gets what they name.
 *
 * `kind` is an enum grapnel_kind. `fallback` is what counts when the setting is not in the config file, written as it
 * would stand there; null: the setting is required (of a name with a star: in each entry that exists); "": optional,
 * empty. `help` is one line, shown by `grapnel plugin describe`. */
struct grapnel_setting {
    const char *name;
    int kind;
    const char *fallback;
    const char *help;
};

/* ==== The call, and the host's functions behind it ================================================================ */

struct grapnel_api;

/* The call that is running. Handed to each function of the plugin, dead when that returns. What lies behind `api` is
 * the host's own. */
struct grapnel_call {
    const struct grapnel_api *api;
};

/* The host's functions, without variable arguments so that any language can call them; C and C++ use the wrappers
 * below, whose comments say what each does. Only grows at the end; `size` says how much of it this host has. Beyond
 * the wrappers: `outcome` goes with the code that is returned next; `about` and `number` take a constant of the enums
 * below, and answer null and 0 to one that this host doesn't know; `length` may be null: `text` then answers null to a
 * text with a NUL inside. */
struct grapnel_api {
    size_t size;
    void *(*allocate)(struct grapnel_call *call, size_t size);
    void (*log)(struct grapnel_call *call, int level, const char *text);
    void (*outcome)(struct grapnel_call *call, int64_t after_ms, const char *text);
    const char *(*about)(struct grapnel_call *call, int which);
    int64_t (*number)(struct grapnel_call *call, int which);
    const char *(*header)(struct grapnel_call *call, const char *name);
    const char *(*text)(struct grapnel_call *call, const char *pointer, size_t *length);
    const char *(*json)(struct grapnel_call *call, const char *pointer, size_t *length);
    int64_t (*count)(struct grapnel_call *call, const char *pointer);
    const char *(*member)(struct grapnel_call *call, const char *pointer, int64_t index);
    const char *(*setting_text)(struct grapnel_call *call, const char *path);
    int64_t (*setting_number)(struct grapnel_call *call, const char *path);
    int64_t (*setting_count)(struct grapnel_call *call, const char *path);
    const char *(*setting_member)(struct grapnel_call *call, const char *path, int64_t index);
};

enum { GRAPNEL_ABOUT_ID, GRAPNEL_ABOUT_TYPE, GRAPNEL_ABOUT_SOURCE, GRAPNEL_ABOUT_KEY };
enum { GRAPNEL_NUMBER_ATTEMPT, GRAPNEL_NUMBER_MS_LEFT, GRAPNEL_NUMBER_RECEIVED_MS };

/* ==== About the event ================================================================================================
 * In deliver only: elsewhere there is no event, texts are "" (or null where that is said) and numbers 0. Texts are
 * UTF-8 and hold no control characters. */

/* The event's id as its sender gave it, "evt_123"; unique within its source. At most 512 bytes. */
static inline const char *grapnel_id(struct grapnel_call *call) {
    return call->api->about(call, GRAPNEL_ABOUT_ID);
}

/* The event's type, "payment_intent.succeeded". At most 256 bytes. */
static inline const char *grapnel_type(struct grapnel_call *call) {
    return call->api->about(call, GRAPNEL_ABOUT_TYPE);
}

/* The name of the source in the config file that it came from. */
static inline const char *grapnel_source(struct grapnel_call *call) {
    return call->api->about(call, GRAPNEL_ABOUT_SOURCE);
}

/* A short text of hex digits that is the same for every attempt at this event by this plugin, across restarts and
 * retries by hand, and another one after `grapnel replay`, which wants the work to be done anew. Do the work once for
 * each key:
 *
 *     INSERT INTO orders (grapnel_key, …) VALUES (?, …) ON CONFLICT (grapnel_key) DO NOTHING */
static inline const char *grapnel_key(struct grapnel_call *call) {
    return call->api->about(call, GRAPNEL_ABOUT_KEY);
}

/* 1 for the first attempt, then 2, 3, … */
static inline int64_t grapnel_attempt(struct grapnel_call *call) {
    return call->api->number(call, GRAPNEL_NUMBER_ATTEMPT);
}

/* When Grapnel received the event, in unix milliseconds. */
static inline int64_t grapnel_received_ms(struct grapnel_call *call) {
    return call->api->number(call, GRAPNEL_NUMBER_RECEIVED_MS);
}

/* Milliseconds until the deadline of the function that is running (not only deliver), 0 when it has passed: then the
 * process is killed, and that counts as a failed attempt. Give it to whatever may wait:
 *
 *     curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)(grapnel_ms_left(call) * 9 / 10)); */
static inline int64_t grapnel_ms_left(struct grapnel_call *call) {
    return call->api->number(call, GRAPNEL_NUMBER_MS_LEFT);
}

/* The value of a header of the request (`name` in any case), or null if it had none of that name. Signatures and
 * credentials are not kept and hence never there. */
static inline const char *grapnel_header(struct grapnel_call *call, const char *name) {
    return call->api->header(call, name);
}

/* ==== The payload ====================================================================================================
 * By JSON Pointer (RFC 6901): "/data/object/id", "/items/0/sku"; "" is all of it. In a name, "~1" stands for a slash
 * and "~0" for a tilde (grapnel_escape does that). Where a key stands twice in one object, the last one counts. The
 * payload is parsed at the first question about it, and once for each attempt. */

/* A string's value, its escapes resolved, as UTF-8. Null if nothing is there, if it is no string, or if it has a NUL
 * ("\u0000") inside. */
static inline const char *grapnel_text(struct grapnel_call *call, const char *pointer) {
    return call->api->text(call, pointer, NULL);
}

/* The same with its length in bytes, a NUL inside included; terminated as well. *length is 0 when null is returned. */
static inline const char *grapnel_text_length(struct grapnel_call *call, const char *pointer, size_t *length) {
    return call->api->text(call, pointer, length);
}

/* Any value exactly as it was sent (a number keeps its digits: 10.10 stays 10.10; a string keeps its quotes and
 * escapes), terminated; null if nothing is there. Pointer "" gives the whole payload, byte for byte as it was signed.
 *
 *     const char *amount = grapnel_json(call, "/amount");    // "10.10" */
static inline const char *grapnel_json(struct grapnel_call *call, const char *pointer) {
    return call->api->json(call, pointer, NULL);
}

/* The same with its length in bytes. *length is 0 when null is returned. */
static inline const char *grapnel_json_length(struct grapnel_call *call, const char *pointer, size_t *length) {
    return call->api->json(call, pointer, length);
}

/* How many members the object or array has; -1 if nothing is there, or something else. */
static inline int64_t grapnel_count(struct grapnel_call *call, const char *pointer) {
    return call->api->count(call, pointer);
}

/* The pointer to the index-th member (from 0) of the object or array, in the order of the payload; null if there is no
 * such member.
 *
 *     for (int64_t i = 0; i < grapnel_count(call, "/items"); i++) {
 *         const char *item = grapnel_member(call, "/items", i);                            // "/items/0"
 *         const char *sku = grapnel_text(call, grapnel_format(call, "%s/sku", item));
 *     }
 */
static inline const char *grapnel_member(struct grapnel_call *call, const char *pointer, int64_t index) {
    return call->api->member(call, pointer, index);
}

/* ==== The settings' values ===========================================================================================
 * By path, as in the table of settings with every * replaced: "smtp_url", "command/0", "templates/order.paid/subject".
 * In a key, "~1" stands for a slash and "~0" for a tilde, as in a JSON Pointer. Already checked: a setting of the
 * table whose name has no * is always there. Same answer in every call; pointers live as long as the process. */

/* The value as text, of any kind, as it stands in the config file or the fallback; null if there is no such setting. */
static inline const char *grapnel_setting_text(struct grapnel_call *call, const char *path) {
    return call->api->setting_text(call, path);
}

/* The value of an INTEGER, of a BOOLEAN (0 or 1), of a DURATION in milliseconds, of a SIZE in bytes. 0 if it is a
 * text, empty, or there is no such setting. */
static inline int64_t grapnel_setting_number(struct grapnel_call *call, const char *path) {
    return call->api->setting_number(call, path);
}

/* How many members the list or map has; 0 if it is empty, absent, or neither. */
static inline int64_t grapnel_setting_count(struct grapnel_call *call, const char *path) {
    return call->api->setting_count(call, path);
}

/* The path of the index-th member (from 0), in the order of the config file; null if there is none.
 *
 *     for (int64_t i = 0; i < grapnel_setting_count(call, "command"); i++)
 *         argv[i] = grapnel_setting_text(call, grapnel_setting_member(call, "command", i)); */
static inline const char *grapnel_setting_member(struct grapnel_call *call, const char *path, int64_t index) {
    return call->api->setting_member(call, path, index);
}

/* ==== Memory and text ============================================================================================= */

#define GRAPNEL_PRINTF_(text, first) __attribute__((format(printf, text, first)))
#define GRAPNEL_WITH_TEXT_(call, format, statements)                                                                   \
    va_list list_;                                                                                                     \
    va_start(list_, format);                                                                                           \
    const char *text_ = grapnel_format_list(call, format, list_);                                                      \
    va_end(list_);                                                                                                     \
    statements

/* `size` bytes, aligned for any type, not zeroed, that are freed when the running function of yours returns. Null if
 * memory is short or the call already took 64 MiB this way. */
static inline void *grapnel_allocate(struct grapnel_call *call, size_t size) {
    return call->api->allocate(call, size);
}

/* vsprintf and sprintf into such memory; "" if memory is short. */
GRAPNEL_PRINTF_(2, 0)
static inline const char *grapnel_format_list(struct grapnel_call *call, const char *format, va_list list) {
    va_list again;
    va_copy(again, list);
    int length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    char *text = length < 0 ? NULL : (char *)call->api->allocate(call, (size_t)length + 1);
    return text && vsnprintf(text, (size_t)length + 1, format, list) >= 0 ? text : "";
}

GRAPNEL_PRINTF_(2, 3)
static inline const char *grapnel_format(struct grapnel_call *call, const char *format, ...) {
    GRAPNEL_WITH_TEXT_(call, format, return text_;)
}

/* `name` made fit to stand between the slashes of a pointer or path: "a/b" becomes "a~1b". "" if memory is short.
 *
 *     const char *type = grapnel_escape(call, grapnel_type(call));
 *     const char *subject = grapnel_setting_text(call, grapnel_format(call, "templates/%s/subject", type)); */
static inline const char *grapnel_escape(struct grapnel_call *call, const char *name) {
    char *escaped = (char *)call->api->allocate(call, 2 * strlen(name) + 1);
    if (!escaped)
        return "";
    char *end = escaped;
    for (; *name; name++) {
        if (*name == '~' || *name == '/') {
            *end++ = '~';
            *end++ = *name == '~' ? '0' : '1';
        } else {
            *end++ = *name;
        }
    }
    *end = '\0';
    return escaped;
}

/* The other way: the last name of a pointer or path, unescaped: "/metadata/a~1b" becomes "a/b". "" if memory is
 * short. */
static inline const char *grapnel_last_name(struct grapnel_call *call, const char *pointer) {
    const char *slash = strrchr(pointer, '/');
    const char *from = slash ? slash + 1 : pointer;
    char *name = (char *)call->api->allocate(call, strlen(from) + 1);
    if (!name)
        return "";
    char *end = name;
    for (; *from; from++) {
        if (*from == '~' && (from[1] == '0' || from[1] == '1'))
            *end++ = *++from == '0' ? '~' : '/';
        else
            *end++ = *from;
    }
    *end = '\0';
    return name;
}

/* ==== Saying things ==================================================================================================
 * All take a printf format. Control characters are escaped in the log; texts are cut after 4096 bytes. Never put a
 * secret into them. */

/* A line in Grapnel's log, under the plugin's name. */
GRAPNEL_PRINTF_(3, 4)
static inline void grapnel_log(struct grapnel_call *call, enum grapnel_level level, const char *format, ...) {
    GRAPNEL_WITH_TEXT_(call, format, call->api->log(call, (int)level, text_);)
}

/* A code together with why, which is logged and shown with the event. `after_ms`: the earliest next try, when the
 * remote said when (Retry-After); Grapnel keeps it between 1 s and 24 h. 0: on Grapnel's own schedule.
 *
 *     return grapnel_retry(call, 30000, "smtp: %s", reply); */
GRAPNEL_PRINTF_(3, 4)
static inline int grapnel_retry(struct grapnel_call *call, int64_t after_ms, const char *format, ...) {
    GRAPNEL_WITH_TEXT_(call, format, call->api->outcome(call, after_ms, text_); return GRAPNEL_RETRY;)
}

GRAPNEL_PRINTF_(3, 4)
static inline int grapnel_busy(struct grapnel_call *call, int64_t after_ms, const char *format, ...) {
    GRAPNEL_WITH_TEXT_(call, format, call->api->outcome(call, after_ms, text_); return GRAPNEL_BUSY;)
}

/*     return grapnel_fail(call, "customer %s has no address", customer); */
GRAPNEL_PRINTF_(2, 3)
static inline int grapnel_fail(struct grapnel_call *call, const char *format, ...) {
    GRAPNEL_WITH_TEXT_(call, format, call->api->outcome(call, 0, text_); return GRAPNEL_FAIL;)
}

/* ==== The plugin itself =========================================================================================== */

/* Filled by GRAPNEL_PLUGIN; what is left out is null. Only grows at the end. */
struct grapnel_plugin {
    size_t size;           /* sizeof(struct grapnel_plugin); set by GRAPNEL_PLUGIN, as are the next two */
    uint32_t setting_size; /* sizeof(struct grapnel_setting), so that rows can grow too */
    uint32_t abi_minor;    /* GRAPNEL_ABI_MINOR of the header that it was built with; shown, never acted on */

    const char *name;                       /* required: "email"; letters, digits, "_" and "-", at most 64 bytes */
    const char *version, *summary;          /* "1.2.0", and what it does in one line */
    const struct grapnel_setting *settings; /* the table; null: takes none */

    /* Optional. Looks whether the settings can work, without doing anything that lasts or leaves the machine: for
     * `grapnel check`. Runs in a process that does nothing else (no init before it). OK, or FAIL with a text for the
     * operator. */
    int (*check)(struct grapnel_call *call);

    /* Optional. Once in each process, before any event: connect, open, allocate, and put what deliver needs into
     * *self. FAIL: the settings can't work, the start or reload is refused. RETRY, BUSY: tried again later in a fresh
     * process while events wait. */
    int (*init)(struct grapnel_call *call, void **self);

    /* Required. One event; `self` is what init left, or null. */
    int (*deliver)(struct grapnel_call *call, void *self);

    /* Optional: shares one costly step (fdatasync, COMMIT, a bulk request) among many events. With it, an OK from
     * deliver is provisional until flush has said OK. It is called as soon as no further event waits, at the latest
     * after 256 events, 8 MiB of events, or 20 ms. If it can't say OK it must forget what was gathered, for all of that
     * comes again: after BUSY the events are given back uncharged; after RETRY or FAIL each is run again alone (deliver,
     * then flush), and that answer is its own. If there was only one, the answer is its at once. Never called without
     * an OK to make good. There is no current event in it. */
    int (*flush)(struct grapnel_call *call, void *self);

    /* Optional. On a clean stop only, after the last flush and only if init said OK; never count on it. */
    void (*shutdown)(struct grapnel_call *call, void *self);
};

#define GRAPNEL_ABI_MINOR 0

/* The one exported symbol. */
__attribute__((visibility("default"))) const struct grapnel_plugin *grapnel_plugin_v1(void);

/* Writes it. Once in a plugin, at file scope:
 *
 *     C      GRAPNEL_PLUGIN(.name = "email", .version = "1.0.0", .summary = "Sends mail", .deliver = deliver);
 *     C++    GRAPNEL_PLUGIN(p, p.name = "email", p.version = "1.0.0", p.summary = "Sends mail", p.deliver = deliver);
 *
 * (In C++ no exception may leave a function of the plugin: it ends the process.) */
/* clang-format off */
#ifndef __cplusplus
#define GRAPNEL_PLUGIN(...)                                                   \
    const struct grapnel_plugin *grapnel_plugin_v1(void) {                    \
        static const struct grapnel_plugin grapnel_plugin_ = {                \
            .size = sizeof(struct grapnel_plugin),                            \
            .setting_size = sizeof(struct grapnel_setting),                   \
            .abi_minor = GRAPNEL_ABI_MINOR,                                   \
            __VA_ARGS__                                                       \
        };                                                                    \
        return &grapnel_plugin_;                                              \
    }                                                                         \
    struct grapnel_plugin_semicolon_
#else
#define GRAPNEL_PLUGIN(plugin, ...)                                           \
    const struct grapnel_plugin *grapnel_plugin_v1(void) {                    \
        static struct grapnel_plugin plugin = grapnel_plugin();               \
        plugin.size = sizeof(grapnel_plugin);                                 \
        plugin.setting_size = sizeof(grapnel_setting);                        \
        plugin.abi_minor = GRAPNEL_ABI_MINOR;                                 \
        __VA_ARGS__;                                                          \
        return &plugin;                                                       \
    }                                                                         \
    struct grapnel_plugin_semicolon_
#endif
/* clang-format on */

#ifdef __cplusplus
}
#endif
#endif
