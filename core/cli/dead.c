/* grapnel dead: the deliveries that were given up, and what their last attempt said. */
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/cli.h"
#include "cli/pages.h"
#include "cli/table.h"
#include "cli/target.h"
#include "cli/words.h"

const struct command_option dead_options[] = {
    COMMAND_OPTION_CONFIG,
    { "plugin", 'p', "NAME", "those of this plugin only" },
    PAGES_OPTIONS,
    { 0 },
};

static const char *const titles[] = { "DIED (UTC)", "PLUGIN", "EVENT", "ATTEMPTS", "REASON", "ERROR" };
enum { COLUMNS = sizeof titles / sizeof *titles, COLUMN_EVENT = 3 /* counted from 1 */ };

static bool row_add(void *context, const struct json *row) {
    struct table *table = context;
    struct buffer text = { 0 };
    char time[WORDS_SIZE];
    table_add(table, words_moment(answer_text(row, "/at", &text), clock_wall_ms(), time));
    table_add(table, answer_text(row, "/plugin", &text));
    table_add(table, target_of(row, &text));
    table_add(table, answer_text(row, "/attempts", &text));
    table_add(table, answer_text(row, "/reason", &text));
    table_add(table, answer_text(row, "/error", &text));
    buffer_free(&text);
    return true;
}

int dead_run(const struct arguments *arguments) {
    struct buffer path = { 0 };
    struct table table = table_begin(titles, COLUMNS, stdout);
    table.cut = COLUMN_EVENT;
    buffer_append_text(&path, "/api/dead");
    control_parameter(&path, "plugin", argument_value(arguments, "plugin"));
    struct pages pages = {
        .path = buffer_text(&path), .member = row_add, .table = &table, .none = "There are no dead letters."
    };
    int code = pages_show(&pages, arguments);
    if (code == EXIT_DONE && pages.rows > 0 && argument_value(arguments, "json") == NULL && isatty(STDOUT_FILENO))
        table_print_paragraph(stdout,
                              "`grapnel show EVENT` tells the whole story; `grapnel retry --plugin PLUGIN EVENT` (or "
                              "--all) delivers it again, `grapnel discard --plugin PLUGIN EVENT` (or --all) drops it.");
    buffer_free(&path);
    return code;
}
