/* grapnel refused: the last refusals of the running daemon, as a table or as the JSON that it answered with. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/control.h"
#include "cli/table.h"
#include "event/json.h"

const struct command_option refused_options[] = {
    COMMAND_OPTION_CONFIG,
    { "source", 's', "NAME", "those of this source only" },
    { "json", 'j', NULL, "as JSON, a list of objects: at, source, from, status, reason, hint" },
    { 0 },
};

enum {
    REFUSED_HINTS = 8,
    AT_YEAR_LENGTH = sizeof "2026-" - 1,
    AT_TIME = sizeof "2026-01-31T" - 1,
    AT_SECONDS_END = 19
};

/* The value at `pointer` of one refusal as text: "" for null. It replaces what is in `text`. */
static struct bytes member(const struct json *refusal, const char *pointer, struct buffer *text) {
    int token = json_find(refusal, pointer, NULL);
    buffer_clear(text);
    if (json_kind_at(refusal, token) == JSON_STRING)
        json_string(refusal, token, text);
    else if (json_kind_at(refusal, token) == JSON_NUMBER)
        buffer_append(text, json_raw(refusal, token).data, json_raw(refusal, token).length);
    return (struct bytes){ buffer_text(text), text->length };
}

/* "2026-01-31T12:00:00.000Z" as "01-31 12:00:00": what is kept in memory is not so old that its year were in doubt. */
static struct bytes short_time(struct bytes at, char text[AT_SECONDS_END]) {
    if (at.length < AT_SECONDS_END)
        return at;
    size_t length = AT_SECONDS_END - AT_YEAR_LENGTH;
    memcpy(text, at.data + AT_YEAR_LENGTH, length);
    text[AT_TIME - AT_YEAR_LENGTH - 1] = ' ';
    return (struct bytes){ text, length };
}

/* Hints are the same for all refusals of a source: each is told once, below the table. */
static void hint_add(struct buffer hints[REFUSED_HINTS], struct bytes hint) {
    for (int i = 0; i < REFUSED_HINTS && hint.length > 0; i++) {
        if (hints[i].length == 0)
            buffer_append(&hints[i], hint.data, hint.length);
        if (bytes_equal((struct bytes){ hints[i].data, hints[i].length }, hint))
            return;
    }
}

static void row_add(const struct json *refusal, struct table *table, struct buffer hints[REFUSED_HINTS]) {
    struct buffer text = { 0 };
    char time[AT_SECONDS_END];
    table_add(table, short_time(member(refusal, "/at", &text), time));
    struct bytes source = member(refusal, "/source", &text);
    table_add(table, source.length > 0 ? source : bytes_of("-"));
    table_add(table, member(refusal, "/from", &text));
    table_add(table, member(refusal, "/status", &text));
    table_add(table, member(refusal, "/reason", &text));
    hint_add(hints, member(refusal, "/hint", &text));
    buffer_free(&text);
}

static void table_show(struct table *table, const struct buffer hints[REFUSED_HINTS]) {
    table_print(table, stdout, table_terminal_width(stdout));
    for (int i = 0; i < REFUSED_HINTS && hints[i].length > 0; i++)
        printf("%s%.*s\n", i == 0 ? "\n" : "", (int)hints[i].length, hints[i].data);
}

static bool refused_show(const struct buffer *answer, struct fault *fault) {
    static const char *const titles[] = { "TIME (UTC)", "SOURCE", "FROM", "STATUS", "REASON" };
    struct table table = { .columns = sizeof titles / sizeof *titles };
    struct buffer hints[REFUSED_HINTS] = { { 0 } };
    struct json list = { 0 }, refusal = { 0 };
    bool good = json_parse(&list, (struct bytes){ answer->data, answer->length }, fault);
    int count = good ? json_count(&list, 0) : 0;
    for (size_t i = 0; i < table.columns; i++)
        table_add(&table, bytes_of(titles[i]));
    for (int i = 0; good && i < count; i++) {
        char pointer[16];
        snprintf(pointer, sizeof pointer, "/%d", i);
        good = json_parse(&refusal, json_raw(&list, json_find(&list, pointer, NULL)), fault);
        if (good)
            row_add(&refusal, &table, hints);
    }
    if (good && count == 0)
        printf("Nothing was refused since the daemon started.\n");
    else if (good)
        table_show(&table, hints);
    for (int i = 0; i < REFUSED_HINTS; i++)
        buffer_free(&hints[i]);
    table_free(&table);
    json_free(&refusal);
    json_free(&list);
    return good;
}

int refused_run(const struct arguments *arguments) {
    struct buffer path = { 0 }, answer = { 0 };
    struct fault fault = { .text = "" };
    const char *source = argument_value(arguments, "source");
    buffer_append_text(&path, "/api/refused");
    if (source != NULL)
        control_parameter(&path, "source", source);
    bool done = control_get(argument_value(arguments, "config"), buffer_text(&path), &answer, &fault);
    if (done && argument_value(arguments, "json") != NULL)
        fwrite(answer.data, 1, answer.length, stdout);
    else if (done)
        done = refused_show(&answer, &fault);
    if (!done)
        fprintf(stderr, "grapnel refused: %s\n", fault.text);
    buffer_free(&path);
    buffer_free(&answer);
    return done ? EXIT_DONE : EXIT_FAILED;
}
