/* grapnel show: one event's whole story, or its body as it was received. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "cli/answer.h"
#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/control.h"
#include "cli/story.h"
#include "cli/table.h"
#include "cli/target.h"
#include "cli/words.h"

const struct command_option show_options[] = {
    COMMAND_OPTION_CONFIG,
    { "body", 'b', NULL, "print the payload only, byte for byte as it was received" },
    { "json", 'j', NULL, "as JSON, an object: what the API answers" },
    { 0 },
};

static void pair_add(struct table *table, const char *label, struct bytes value, enum style style) {
    table_add(table, bytes_of(label));
    table_add_styled(table, value, style);
}

/* The last step of a pointer as the key that it names. */
static void key_append(const char *pointer, struct buffer *key) {
    for (const char *at = strrchr(pointer, '/') + 1; *at != '\0'; at++) {
        bool escaped = *at == '~' && at[1] != '\0';
        at += escaped;
        buffer_append(key, escaped ? (*at == '1' ? "/" : "~") : at, 1);
    }
}

/* The kept request headers, a row each. */
static void headers_add(const struct json *event, struct table *table) {
    struct buffer place = { 0 }, text = { 0 }, line = { 0 };
    int count = json_count(event, json_find(event, "/headers", NULL));
    for (int i = 0; i < count; i++) {
        buffer_clear(&place);
        buffer_clear(&line);
        json_member(event, "/headers", i, &place);
        struct bytes value = answer_text(event, buffer_text(&place), &text);
        key_append(buffer_text(&place), &line);
        buffer_append_text(&line, ": ");
        buffer_append(&line, value.data, value.length);
        pair_add(table, i == 0 ? "  headers" : "", (struct bytes){ line.data, line.length }, STYLE_NONE);
    }
    buffer_free(&place);
    buffer_free(&text);
    buffer_free(&line);
}

static void head_add(const struct json *event, struct table *table) {
    struct buffer text = { 0 }, line = { 0 };
    char date[WORDS_SIZE], distance[WORDS_SIZE], size[WORDS_SIZE];
    pair_add(table, "  type", answer_text(event, "/type", &text), STYLE_NONE);
    struct bytes state = answer_text(event, "/state", &text);
    pair_add(table, "  state", state, style_of_state(state));
    struct bytes received = answer_text(event, "/received", &text), shown = words_date(received, date);
    buffer_format(&line, "%.*s UTC (%s)", (int)shown.length, shown.data,
                  words_distance(received, clock_wall_ms(), distance));
    pair_add(table, "  received", bytes_of(buffer_text(&line)), STYLE_NONE);
    pair_add(table, "  size", bytes_of(words_size(answer_number(event, "/size"), size)), STYLE_NONE);
    buffer_clear(&line);
    if (answer_number(event, "/secret") > 0)
        buffer_format(&line, "by secret %lld of ", (long long)answer_number(event, "/secret"));
    else
        buffer_append_text(&line, "it is not known by which secret of ");
    buffer_append_text(&line, answer_text(event, "/source", &text).data);
    pair_add(table, "  verified", bytes_of(buffer_text(&line)), STYLE_NONE);
    headers_add(event, table);
    buffer_free(&text);
    buffer_free(&line);
}

static bool event_print(const struct json *event, struct control *control, struct fault *fault) {
    struct table head = { .columns = 2, .colours = style_wanted(stdout) };
    struct table name = { .columns = 1, .colours = head.colours };
    struct plugins plugins = { 0 };
    struct buffer text = { 0 };
    if (story_is_open(event) && !plugins_read(&plugins, control, fault)) {
        plugins_free(&plugins);
        return false;
    }
    table_add_styled(&name, target_of(event, &text), STYLE_TITLE);
    head_add(event, &head);
    bool printed =
        table_end(&name, stdout, fault) && table_end(&head, stdout, fault) && story_print(event, &plugins, fault);
    table_free(&name);
    plugins_free(&plugins);
    table_free(&head);
    buffer_free(&text);
    return printed;
}

int show_run(const struct arguments *arguments) {
    struct target target = { .id = "" };
    struct fault fault = { .text = "" };
    struct buffer path = { 0 };
    bool body = argument_value(arguments, "body") != NULL;
    if (arguments->word == NULL)
        return command_misused(arguments->command, "say which event: SOURCE/ID");
    if (!target_read(&target, arguments->word, &fault))
        return command_misused(arguments->command, "%s", fault.text);
    if (body && argument_value(arguments, "json") != NULL)
        return command_misused(arguments->command, "--body prints what was received, and nothing as JSON");
    buffer_append_text(&path, "/api/events/");
    buffer_append_percent_encoded(&path, bytes_of(target.source));
    buffer_append_text(&path, "/");
    buffer_append_percent_encoded(&path, bytes_of(target.id));
    control_parameter(&path, "part", body ? "body" : NULL);
    int code = ask_show(arguments, buffer_text(&path), body ? NULL : event_print);
    buffer_free(&path);
    return code;
}
