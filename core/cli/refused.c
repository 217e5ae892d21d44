/* grapnel refused: the last refusals of the running daemon, as a table or as the JSON that it answered with. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "cli/answer.h"
#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/control.h"
#include "cli/print.h"
#include "cli/table.h"
#include "cli/words.h"

const struct command_option refused_options[] = {
    COMMAND_OPTION_CONFIG,
    { "source", 's', "NAME", "those of this source only" },
    { "json", 'j', NULL, "as JSON, a list of objects: at, source, from, via, status, reason, hint" },
    { 0 },
};

/* What is gathered while the rows are made. */
struct refused_list {
    struct table table;
    struct buffer hints; /* lines, each ended by a newline */
};

/* Hints are the same for all refusals of a source: each is told once, below the table. */
static void hint_add(struct buffer *hints, struct bytes hint) {
    struct buffer line = { 0 };
    text_escape(hint, &line);
    buffer_append_text(&line, line.length > 0 ? "\n" : "");
    if (hints->length == 0 || memmem(hints->data, hints->length, line.data, line.length) == NULL)
        buffer_append(hints, line.data, line.length);
    buffer_free(&line);
}

/* The sender, and the proxy that spoke for it. */
static void from_add(struct refused_list *list, const struct json *refusal) {
    struct buffer from = { 0 }, text = { 0 };
    struct bytes sender = answer_text(refusal, "/from", &text);
    buffer_append(&from, sender.data, sender.length);
    struct bytes via = answer_text(refusal, "/via", &text);
    if (via.length > 0)
        buffer_format(&from, " via %.*s", (int)via.length, via.data);
    table_add(&list->table, bytes_of(buffer_text(&from)));
    buffer_free(&from);
    buffer_free(&text);
}

static bool row_add(void *context, const struct json *refusal) {
    struct refused_list *list = context;
    struct buffer text = { 0 };
    char time[WORDS_SIZE];
    table_add(&list->table, words_moment(answer_text(refusal, "/at", &text), clock_wall_ms(), time));
    struct bytes source = answer_text(refusal, "/source", &text);
    table_add(&list->table, source.length > 0 ? source : bytes_of("-"));
    from_add(list, refusal);
    table_add(&list->table, answer_text(refusal, "/status", &text));
    table_add(&list->table, answer_text(refusal, "/reason", &text));
    hint_add(&list->hints, answer_text(refusal, "/hint", &text));
    buffer_free(&text);
    return true;
}

static bool refused_print(const struct json *answer, struct control *control, struct fault *fault) {
    (void)control;
    static const char *const titles[] = { "TIME (UTC)", "SOURCE", "FROM", "STATUS", "REASON" };
    struct refused_list list = { .table = table_begin(titles, sizeof titles / sizeof *titles, stdout) };
    bool printed = answer_each(answer, "", row_add, &list, fault);
    if (printed && json_count(answer, 0) == 0)
        printf("Nothing was refused since the daemon started.\n");
    else if (printed)
        printed = table_end(&list.table, stdout, fault);
    if (printed && list.hints.length > 0)
        printf("\n%s", buffer_text(&list.hints));
    table_free(&list.table);
    buffer_free(&list.hints);
    return printed;
}

int refused_run(const struct arguments *arguments) {
    struct buffer path = { 0 };
    buffer_append_text(&path, "/api/refused");
    control_parameter(&path, "source", argument_value(arguments, "source"));
    int code = ask_show(arguments, buffer_text(&path), refused_print);
    buffer_free(&path);
    return code;
}
