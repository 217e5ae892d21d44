/* grapnel plugin describe FILE: what a plugin says about itself, asked in a process of its own like any other. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/cli.h"
#include "cli/place.h"
#include "deliver/worker.h"
#include "grapnel/plugin.h"

enum {
    DESCRIBE_DEADLINE_MS = 10000,
    DESCRIBE_NAME_WIDTH = 24,
    DESCRIBE_KIND_WIDTH = 9,
    DESCRIBE_PATH_SIZE = PATH_MAX + NAME_MAX + 8
};

const struct command_option plugin_describe_options[] = {
    { "json", 0, NULL, "as one JSON object" },
    { 0 },
};

static const char *const kind_names[] = {
    [GRAPNEL_TEXT] = "text",         [GRAPNEL_INTEGER] = "integer", [GRAPNEL_BOOLEAN] = "boolean",
    [GRAPNEL_DURATION] = "duration", [GRAPNEL_SIZE] = "size",       [GRAPNEL_SECRET] = "secret",
};

struct describe {
    const char *file;
    bool json, described, ended;
    struct fault fault;
    struct worker *worker;
};

static const char *kind_name(int kind) {
    return kind >= 0 && (size_t)kind < sizeof kind_names / sizeof *kind_names ? kind_names[kind] : "unknown";
}

static void print_text(const struct describe *describe, const struct worker_hello *hello) {
    printf("%s %s\n%s%s", hello->name.data, hello->version.data, hello->summary.data,
           hello->summary.length ? "\n" : "");
    printf("\nfile      %s\nABI       1.%lld\nfunctions deliver%s%s\n", describe->file, (long long)hello->abi_minor,
           hello->has_check ? ", check" : "", hello->has_flush ? ", flush" : "");
    printf("\n%s\n", hello->table.count ? "settings" : "It has no settings.");
    for (int i = 0; i < hello->table.count; i++) {
        const struct setting_row *row = &hello->table.rows[i];
        const char *fallback = !row->fallback ? "required" : *row->fallback ? row->fallback : "optional";
        printf("  %-*s %-*s %s\n  %*s %s\n", DESCRIBE_NAME_WIDTH, row->name, DESCRIBE_KIND_WIDTH, kind_name(row->kind),
               fallback, DESCRIBE_NAME_WIDTH, "", row->help);
    }
}

static void json_text(struct buffer *out, const char *name, struct bytes text) {
    buffer_format(out, "\"%s\":", name);
    buffer_append_json_string(out, text);
}

static void print_json(const struct describe *describe, const struct worker_hello *hello) {
    struct buffer out = { 0 };
    const struct {
        const char *name;
        struct bytes text;
    } texts[] = { { "name", hello->name },
                  { "version", hello->version },
                  { "summary", hello->summary },
                  { "file", bytes_of(describe->file) } };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        buffer_append_text(&out, i ? "," : "{");
        json_text(&out, texts[i].name, texts[i].text);
    }
    buffer_format(&out, ",\"abi\":\"1.%lld\",\"check\":%s,\"flush\":%s,\"settings\":[", (long long)hello->abi_minor,
                  hello->has_check ? "true" : "false", hello->has_flush ? "true" : "false");
    for (int i = 0; i < hello->table.count; i++) {
        const struct setting_row *row = &hello->table.rows[i];
        buffer_append_text(&out, i ? ",{" : "{");
        json_text(&out, "name", bytes_of(row->name));
        buffer_format(&out, ",\"kind\":\"%s\",\"required\":%s,", kind_name(row->kind),
                      row->fallback ? "false" : "true");
        if (row->fallback) {
            json_text(&out, "default", bytes_of(row->fallback));
            buffer_append_text(&out, ",");
        }
        json_text(&out, "help", bytes_of(row->help));
        buffer_append_text(&out, "}");
    }
    printf("%s]}\n", buffer_text(&out));
    buffer_free(&out);
}

static void describe_greeted(void *owner, struct worker *worker, struct worker_hello *hello) {
    struct describe *describe = owner;
    (describe->json ? print_json : print_text)(describe, hello);
    describe->described = true;
    setting_table_free(&hello->table);
    worker_kill(worker, WORKER_END_DROPPED);
}

static void describe_broken(void *owner, struct worker *worker, struct bytes why) {
    struct describe *describe = owner;
    (void)worker;
    fault_set(&describe->fault, "%.*s", (int)why.length, why.data);
}

static void describe_ended(void *owner, struct worker *worker, enum worker_end end, const char *why,
                           struct delivery_list *held) {
    struct describe *describe = owner;
    (void)worker, (void)held;
    if (end != WORKER_END_DROPPED)
        fault_set(&describe->fault, "%s: the process that loaded it %s", describe->file, why);
    describe->ended = true;
}

/* Only the description is asked for: neither of these can come. */
static void describe_ready(void *owner, struct worker *worker, int code, int64_t after_ms, struct bytes text) {
    (void)owner, (void)worker, (void)code, (void)after_ms, (void)text;
}

static void describe_outcome(void *owner, struct worker *worker, struct delivery *delivery,
                             const struct worker_outcome *outcome) {
    (void)owner, (void)worker, (void)outcome;
    delivery_free(delivery);
}

static bool describe_run(struct describe *describe, const struct place *place, struct loop *loop) {
    struct log log = { .level = LOG_LEVEL_WARN, .descriptor = STDERR_FILENO };
    struct log_limit plugin_lines = { 0 };
    struct worker_options options = {
        .host = place->host,
        .plugin = describe->file,
        .file = describe->file,
        .folder = ".",
        .deadline_ms = DESCRIBE_DEADLINE_MS,
        .log = &log,
        .plugin_lines = &plugin_lines,
        .loop = loop,
        .owner = { describe, describe_greeted, describe_broken, describe_ready, describe_outcome, describe_ended },
    };
    describe->worker = worker_start(&options, &describe->fault);
    if (!describe->worker)
        return false;
    while (!describe->ended && loop_turn(loop, worker_check(describe->worker, clock_monotonic_ms()), &describe->fault))
        continue;
    worker_free(describe->worker);
    return describe->described;
}

/* A path, or the name of an installed plugin, which the config gives without its ending. */
static const char *describe_find(const struct place *place, const char *word, char installed[DESCRIBE_PATH_SIZE]) {
    if (strchr(word, '/') || access(word, F_OK) == 0 || !place->plugins[0])
        return word;
    const char *ending = strlen(word) > 3 && strcmp(word + strlen(word) - 3, ".so") == 0 ? "" : ".so";
    snprintf(installed, DESCRIBE_PATH_SIZE, "%s/%.*s%s", place->plugins, NAME_MAX, word, ending);
    return installed;
}

int plugin_describe_run(const struct arguments *arguments) {
    struct place place = { 0 };
    struct describe describe = { .json = argument_value(arguments, "json") != NULL };
    char installed[DESCRIBE_PATH_SIZE];
    if (!arguments->word) {
        fprintf(stderr, "grapnel plugin describe: which FILE? see `grapnel help plugin describe`\n");
        return EXIT_USAGE;
    }
    bool done = place_find(&place, &describe.fault);
    if (done)
        describe.file = describe_find(&place, arguments->word, installed);
    struct loop *loop = done ? loop_make(&describe.fault) : NULL;
    done = loop && describe_run(&describe, &place, loop);
    loop_free(loop);
    if (!done)
        fprintf(stderr, "grapnel plugin describe: %s\n", describe.fault.text);
    return done ? EXIT_DONE : EXIT_FAILED;
}
