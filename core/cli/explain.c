/* grapnel explain: would this request be accepted, and if not, why? The steps of receive/accept.c, each judged by the same code, and none of
 * them ends it. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/units.h"
#include "cli/cli.h"
#include "cli/print.h"
#include "cli/explain_steps.h"
#include "cli/read_file.h"
#include "cli/setup_load.h"

const struct command_option explain_options[] = {
    COMMAND_OPTION_CONFIG,
    { "source", 's', "NAME", "the source that it was meant for (required if the config has several)" },
    { "header", 'H', "'K: V'" COMMAND_REPEATS, "a header of the request; may be given again" },
    { "body", 'b', "FILE", "the request's body, byte for byte as it came; - for standard input (required)" },
    { "at", 'a', "TIME", "judge the time as of then: unix seconds, or 2026-01-31T12:00:00Z; default now" },
    { "url", 'u', "URL", "where it was posted to; without it, the path is not judged" },
    { "from", 'f', "ADDRESS",
      "the address that it came from, or its proxy's, if X-Forwarded-For is one of the headers" },
    { "json", 'j', NULL, "print an array of objects: step, result (ok, skipped, refused), text" },
    { 0 },
};

static void print_line(const char *step, enum diagnose_result result, const char *words) {
    static const char *const forms[] = {
        [DIAGNOSE_OK] = "ok", [DIAGNOSE_REFUSED] = "", [DIAGNOSE_SKIPPED] = "skipped"
    };
    bool aside = words[0] && result != DIAGNOSE_REFUSED;
    printf("%s: %s%s", step, forms[result], aside ? " (" : "");
    print_escaped(bytes_of(words)); /* text of the request stands in the reasons */
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
    for (const struct explain_step *step = explain_steps(); step->name; step++) {
        buffer_clear(&words);
        enum diagnose_result result = step->judge(explain, &words);
        accepted = accepted && result != DIAGNOSE_REFUSED;
        if (as_json)
            print_json(step->name, result, buffer_text(&words), step == explain_steps());
        else
            print_line(step->name, result, buffer_text(&words));
    }
    if (as_json)
        printf("]\n");
    buffer_free(&words);
    return accepted;
}

static bool at_read(const char *at, int64_t *at_s) {
    int64_t ms;
    if (clock_parse(at, &ms)) {
        *at_s = ms / 1000;
        return *at_s >= 0;
    }
    return integer_parse(at, at_s) && *at_s >= 0 && *at_s <= INT64_MAX / 1000;
}

/* Sorts out the arguments that need no config. Returns the exit code if they are wrong. */
static int explain_read(struct explain *explain, const struct arguments *arguments, int64_t *at_s) {
    const char *at = argument_value(arguments, "at"), *body = argument_value(arguments, "body");
    struct fault fault = { .text = "" };
    struct ip from;
    explain->url = argument_value(arguments, "url");
    explain->from = argument_value(arguments, "from");
    explain->at_given = at != NULL;
    *at_s = clock_wall_ms() / 1000;
    if (at && !at_read(at, at_s))
        return command_misused(arguments->command,
                               "--at takes unix seconds, like 1700000000, or a time as grapnel prints it, like "
                               "2026-01-31T12:00:00.000Z, not \"%s\"",
                               at);
    if (!body)
        return command_misused(arguments->command, "say with --body where the request's body is, - for standard input");
    if (explain->url && explain->url[0] != '/' && !strstr(explain->url, "://"))
        return command_misused(arguments->command, "--url takes a whole URL, or its path: \"%s\" is neither",
                               explain->url);
    if (explain->from && !ip_parse(bytes_of(explain->from), &from))
        return command_misused(arguments->command,
                               "--from takes an address, like 203.0.113.7 or 2001:db8::1, not \"%s\"", explain->from);
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
