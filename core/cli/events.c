/* grapnel events: what was accepted, the newest first, and how far its deliveries are. */
#include <stdio.h>

#include "base/clock.h"
#include "cli/cli.h"
#include "cli/filter.h"
#include "cli/pages.h"
#include "cli/table.h"
#include "cli/target.h"
#include "cli/words.h"

const struct command_option events_options[] = {
    COMMAND_OPTION_CONFIG,
    FILTER_OPTIONS,
    PAGES_OPTIONS,
    { 0 },
};

static const char *const titles[] = { "RECEIVED (UTC)", "EVENT", "TYPE", "STATE", "DELIVERIES" };
enum { COLUMNS = sizeof titles / sizeof *titles, COLUMN_EVENT = 2 /* counted from 1 */ };

/* "email done", "email retrying in 2m15s after 3": one more of the cell. */
static bool delivery_add(void *context, const struct json *delivery) {
    struct buffer *cell = context, text = { 0 }, state = { 0 };
    char distance[WORDS_SIZE];
    struct bytes plugin = answer_text(delivery, "/plugin", &text);
    buffer_format(cell, "%s%.*s ", cell->length > 0 ? ", " : "", (int)plugin.length, plugin.data);
    struct bytes shown = answer_text(delivery, "/state", &state);
    if (answer_has(delivery, "/parked"))
        shown = bytes_of("parked");
    buffer_append(cell, shown.data, shown.length);
    if (bytes_equal_text(shown, "retrying"))
        buffer_format(cell, " %s", words_distance(answer_text(delivery, "/next", &text), clock_wall_ms(), distance));
    buffer_free(&text);
    buffer_free(&state);
    return true;
}

static bool row_add(void *context, const struct json *row) {
    struct table *table = context;
    struct buffer text = { 0 }, deliveries = { 0 };
    struct fault fault;
    char time[WORDS_SIZE];
    table_add(table, words_moment(answer_text(row, "/received", &text), clock_wall_ms(), time));
    table_add(table, target_of(row, &text));
    table_add(table, answer_text(row, "/type", &text));
    struct bytes state = answer_text(row, "/state", &text);
    table_add_styled(table, state, style_of_state(state));
    answer_each(row, "/deliveries", delivery_add, &deliveries, &fault);
    table_add(table, (struct bytes){ buffer_text(&deliveries), deliveries.length });
    buffer_free(&text);
    buffer_free(&deliveries);
    return true;
}

int events_run(const struct arguments *arguments) {
    struct buffer path = { 0 };
    int code = filter_check(arguments);
    if (code != EXIT_DONE)
        return code;
    struct table table = table_begin(titles, COLUMNS, stdout);
    table.cut = COLUMN_EVENT;
    buffer_append_text(&path, "/api/events");
    filter_parameters(arguments, &path);
    struct pages pages = {
        .path = buffer_text(&path), .member = row_add, .table = &table, .none = "There are no such events."
    };
    code = pages_show(&pages, arguments);
    buffer_free(&path);
    return code;
}
