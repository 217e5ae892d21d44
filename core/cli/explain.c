/* grapnel explain: would this request be accepted, and if not, why? The steps of receive/accept.c, each judged by the same code, and none of
 * them ends it. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/units.h"
#include "cli/cli.h"
#include "cli/explain_headers.h"
#include "cli/read_file.h"
#include "cli/setup_load.h"
#include "event/diagnose.h"
#include "event/locate.h"
#include "receive/request.h"

const struct command_option explain_options[] = {
    COMMAND_OPTION_CONFIG,
    { "source", 's', "NAME", "the source that it was meant for (required if the config has several)" },
    { "header", 'H', "'K: V'" COMMAND_REPEATS, "a header of the request; may be given again" },
    { "body", 'b', "FILE", "the request's body, byte for byte as it came; - for standard input (required)" },
    { "at", 'a', "UNIX", "judge the time as of then, in unix seconds; default now" },
    { "url", 'u', "URL", "where it was posted to; without it, the path is not judged" },
    { "json", 0, NULL, "print an array of objects: step, result (ok, skipped, refused), text" },
    { 0 },
};

struct explain {
    const struct setup *setup;
    const struct setup_source *source;
    struct explain_headers headers;
    struct buffer body;
    const char *url;
    bool at_given;
    struct signature_request request;
    struct diagnose diagnose;
    enum locate_verdict located;
    struct json json;
    struct buffer id, type, challenge;
};

/* ---- the steps ---- */

/* The path of a URL, or what begins with a slash itself. */
static struct bytes url_path(const char *url) {
    const char *host = strstr(url, "://"), *path = url;
    if (host)
        path = host + 3 + strcspn(host + 3, "/?#");
    struct bytes found = { path, strcspn(path, "?#") };
    return found.length > 0 ? found : bytes_of("/");
}

static enum diagnose_result explain_path(struct explain *explain, struct buffer *words) {
    const char *wanted = explain->source->path;
    if (!explain->url) {
        buffer_append_text(words, "give --url to have it judged");
        return DIAGNOSE_SKIPPED;
    }
    struct bytes path = url_path(explain->url);
    if (bytes_equal_text(path, wanted))
        return DIAGNOSE_OK;
    buffer_format(words, "%.*s is not the path of \"%s\", which is %s", (int)path.length, path.data,
                  explain->source->name, wanted);
    for (int i = 0; i < explain->setup->source_count; i++) {
        if (bytes_equal_text(path, explain->setup->sources[i].path)) {
            buffer_format(words, "; it is that of the source \"%s\"", explain->setup->sources[i].name);
            return DIAGNOSE_REFUSED;
        }
    }
    buffer_append_text(words, "; no source has it, and paths are compared to the letter, a slash at the end too");
    return DIAGNOSE_REFUSED;
}

/* No source can restrict who may connect yet: the config refuses `allow`. */
static enum diagnose_result explain_address(struct explain *explain, struct buffer *words) {
    (void)explain, (void)words;
    return DIAGNOSE_OK;
}

/* The body as receive/ would look at it, with this type. */
static bool body_check(const struct explain *explain, const char *type, bool doubled, size_t length,
                       struct buffer *words) {
    struct fault reason = { .text = "" };
    struct request request = { .content_length = (int64_t)length,
                               .content_type = type,
                               .doubled_content_type = doubled };
    bool fine = request_check_body(&request, explain->setup->limits.body, &reason) == ANSWER_NONE;
    buffer_append_text(words, reason.text);
    return fine;
}

static enum diagnose_result explain_size(struct explain *explain, struct buffer *words) {
    bool fine = body_check(explain, "application/json", false, explain->body.length, words);
    return fine ? DIAGNOSE_OK : DIAGNOSE_REFUSED;
}

static enum diagnose_result explain_content_type(struct explain *explain, struct buffer *words) {
    struct bytes type, second;
    if (!explain_header(&explain->headers, "Content-Type", 0, &type)) {
        buffer_append_text(words, "no such --header was given; without one it would be refused");
        return DIAGNOSE_SKIPPED;
    }
    bool doubled = explain_header(&explain->headers, "Content-Type", 1, &second);
    if (body_check(explain, type.data, doubled, 0, words))
        return DIAGNOSE_OK;
    if (!doubled && strncasecmp(type.data, "application/x-www-form-urlencoded", 33) == 0)
        buffer_append_text(words, ": choose JSON at the sender, if it lets you");
    return DIAGNOSE_REFUSED;
}

static enum diagnose_result explain_signature(struct explain *explain, struct buffer *words) {
    return diagnose_signature(&explain->diagnose, words);
}

static enum diagnose_result explain_timestamp(struct explain *explain, struct buffer *words) {
    enum diagnose_result result = diagnose_timestamp(&explain->diagnose, words);
    if (result == DIAGNOSE_REFUSED && !explain->at_given)
        buffer_append_text(words, " (--at judges a request as of another time)");
    return result;
}

static enum diagnose_result explain_event(struct explain *explain, struct buffer *words) {
    const struct locate_room room = { &explain->json, &explain->id, &explain->type, &explain->challenge };
    const struct signature_scheme *scheme = &explain->source->scheme;
    struct fault reason = { .text = "" };
    explain->challenge.limit = ANSWER_TEXT_LIMIT;
    explain->located = locate_event(scheme, &explain->request, &room, &reason);
    buffer_append_text(words, reason.text);
    switch (explain->located) {
    case LOCATE_OK:
        return DIAGNOSE_OK;
    case LOCATE_CHALLENGE:
        buffer_append_text(words, "no event, but a challenge, which is answered");
        return DIAGNOSE_OK;
    case LOCATE_NOT_JSON:
        diagnose_body(explain->request.body, words);
        break;
    case LOCATE_NO_ID:
        diagnose_event(&explain->json, scheme->event_id, words);
        break;
    case LOCATE_NO_TYPE:
        diagnose_event(&explain->json, scheme->event_type, words);
        break;
    }
    return DIAGNOSE_REFUSED;
}

/* The rows that send an event to this plugin. */
static void rows_tell(const struct explain *explain, int plugin, struct bytes type, struct buffer *words) {
    int told = 0;
    for (int i = 0; i < explain->setup->route_count; i++) {
        const struct setup_route *row = &explain->setup->routes[i];
        bool leads = false;
        for (int j = 0; j < row->plugin_count; j++)
            leads = leads || row->plugins[j] == plugin;
        if (leads && setup_route_matches(row, bytes_of(explain->source->name), type))
            buffer_format(words, "%s%s%s%s", told++ ? ", " : " by ", row->source ? row->source : "",
                          row->source ? "/" : "", row->pattern);
    }
}

static enum diagnose_result explain_route(struct explain *explain, struct buffer *words) {
    int plugins[SETUP_PLUGIN_LIMIT];
    struct bytes type = { explain->type.data, explain->type.length };
    if (explain->located != LOCATE_OK) {
        buffer_append_text(words, explain->located == LOCATE_CHALLENGE ? "a challenge is not kept"
                                                                       : "the event's type is not known");
        return DIAGNOSE_SKIPPED;
    }
    int count = setup_route_event(explain->setup, bytes_of(explain->source->name), type, plugins);
    for (int i = 0; i < count; i++) {
        buffer_format(words, "%s%s", i ? "; " : "", explain->setup->plugins[plugins[i]].name);
        rows_tell(explain, plugins[i], type, words);
    }
    if (count > 0)
        return DIAGNOSE_OK;
    buffer_format(words, "unrouted: no route matches the type %.*s, so that it would be kept and delivered to none",
                  (int)type.length, type.data);
    return DIAGNOSE_REFUSED;
}

static const struct {
    const char *name;
    enum diagnose_result (*judge)(struct explain *explain, struct buffer *words);
} steps[] = {
    { "path", explain_path },           { "address", explain_address },
    { "size", explain_size },           { "content-type", explain_content_type },
    { "signature", explain_signature }, { "timestamp", explain_timestamp },
    { "event", explain_event },         { "route", explain_route },
};

/* ---- what is printed ---- */

/* Text of the request stands in the reasons: no control byte of it reaches the terminal. */
static void print_escaped(const char *text) {
    struct bytes rest = bytes_of(text);
    while (rest.length > 0) {
        char escaped[JSON_ESCAPED_SIZE];
        bool plain = rest.data[0] == '"' || rest.data[0] == '\\';
        if (plain)
            putchar(rest.data[0]);
        if (plain)
            rest = (struct bytes){ rest.data + 1, rest.length - 1 };
        else
            fwrite(escaped, 1, json_escape_next(&rest, escaped), stdout);
    }
}

static void print_line(const char *step, enum diagnose_result result, const char *words) {
    static const char *const forms[] = {
        [DIAGNOSE_OK] = "ok", [DIAGNOSE_REFUSED] = "", [DIAGNOSE_SKIPPED] = "skipped"
    };
    bool aside = words[0] && result != DIAGNOSE_REFUSED;
    printf("%s: %s%s", step, forms[result], aside ? " (" : "");
    print_escaped(words);
    printf("%s\n", aside ? ")" : "");
}

static bool print_json(const char *step, enum diagnose_result result, const char *words, bool first) {
    static const char *const forms[] = {
        [DIAGNOSE_OK] = "ok", [DIAGNOSE_REFUSED] = "refused", [DIAGNOSE_SKIPPED] = "skipped"
    };
    struct buffer text = { 0 };
    bool written = buffer_append_json_escaped(&text, bytes_of(words));
    printf("%s{\"step\":\"%s\",\"result\":\"%s\",\"text\":\"%s\"}", first ? "[" : ",\n ", step, forms[result],
           buffer_text(&text));
    buffer_free(&text);
    return written;
}

static bool explain_all(struct explain *explain, bool as_json) {
    bool accepted = true;
    struct buffer words = { 0 };
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        buffer_clear(&words);
        enum diagnose_result result = steps[i].judge(explain, &words);
        accepted = accepted && result != DIAGNOSE_REFUSED;
        if (as_json)
            print_json(steps[i].name, result, buffer_text(&words), i == 0);
        else
            print_line(steps[i].name, result, buffer_text(&words));
    }
    if (as_json)
        printf("]\n");
    buffer_free(&words);
    return accepted;
}

/* ---- the command ---- */

/* Sorts out the arguments that need no config. Returns the exit code if they are wrong. */
static int explain_read(struct explain *explain, const struct arguments *arguments, int64_t *at_s) {
    const char *at = argument_value(arguments, "at"), *body = argument_value(arguments, "body");
    struct fault fault = { .text = "" };
    explain->url = argument_value(arguments, "url");
    explain->at_given = at != NULL;
    *at_s = clock_wall_ms() / 1000;
    if (at && (!integer_parse(at, at_s) || *at_s < 0 || *at_s > INT64_MAX / 1000))
        return command_misused(arguments->command, "--at takes unix seconds, like 1700000000, not \"%s\"", at);
    if (!body)
        return command_misused(arguments->command, "say with --body where the request's body is, - for standard input");
    if (explain->url && explain->url[0] != '/' && !strstr(explain->url, "://"))
        return command_misused(arguments->command, "--url takes a whole URL, or its path: \"%s\" is neither",
                               explain->url);
    if (!explain_headers_read(&explain->headers, arguments->repeated, arguments->repeated_count, &fault))
        return command_misused(arguments->command, "%s", fault.text);
    if (!read_file(body, &explain->body, &fault)) {
        fprintf(stderr, "grapnel explain: %s\n", fault.text);
        return EXIT_FAILED;
    }
    return EXIT_DONE;
}

static int explain_setup(struct explain *explain, const struct arguments *arguments, struct setup *setup,
                         int64_t at_s) {
    struct fault fault = { .text = "" };
    explain->setup = setup;
    explain->source = setup_choose_source(arguments, setup, &fault);
    if (!explain->source)
        return command_misused(arguments->command, "%s", fault.text);
    const struct setup_source *source = explain->source;
    explain->request = (struct signature_request){ .header = explain_header,
                                                   .context = &explain->headers,
                                                   .body = bytes_of(buffer_text(&explain->body)),
                                                   .url = source->url };
    explain->request.body.length = explain->body.length;
    explain->diagnose = (struct diagnose){ .scheme = &source->scheme,
                                           .keys = source->keys,
                                           .secrets = (const char *const *)source->secret_texts,
                                           .secret_count = source->key_count,
                                           .request = &explain->request,
                                           .header_names = explain->headers.unique,
                                           .header_count = explain->headers.unique_count,
                                           .requested_url = explain->url,
                                           .now_ms = at_s * 1000,
                                           .tolerance_ms = source->tolerance_ms };
    return EXIT_DONE;
}

int explain_run(const struct arguments *arguments) {
    struct place place = { 0 };
    struct fault fault = { .text = "" };
    struct explain explain = { 0 };
    struct setup *setup = NULL;
    int64_t at_s;
    int code = explain_read(&explain, arguments, &at_s);
    if (code == EXIT_DONE && !place_find(&place, &fault)) {
        fprintf(stderr, "grapnel explain: %s\n", fault.text);
        code = EXIT_FAILED;
    }
    if (code == EXIT_DONE && !(setup = setup_load_quietly(arguments, &place, true)))
        code = EXIT_FAILED;
    if (code == EXIT_DONE)
        code = explain_setup(&explain, arguments, setup, at_s);
    if (code == EXIT_DONE && !explain_all(&explain, argument_value(arguments, "json") != NULL))
        code = EXIT_FAILED;
    json_free(&explain.json);
    buffer_free(&explain.id);
    buffer_free(&explain.type);
    buffer_free(&explain.challenge);
    buffer_free(&explain.body);
    explain_headers_free(&explain.headers);
    setup_free(setup);
    return code;
}
