#include "cli/story.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/answer.h"
#include "cli/table.h"
#include "cli/words.h"

/* One thing that happened: an attempt that failed, or a line of the journal. */
struct happening {
    struct bytes json; /* a part of the answer */
    char at[CLOCK_TEXT_SIZE];
};
struct happenings {
    const char *plugin; /* the others' are left out; null: all */
    struct buffer all;  /* struct happening */
};

static const char *const titles[] = { "  TIME (UTC)", "ATTEMPT", "OUTCOME", "TOOK", "MESSAGE" };
enum { COLUMNS = sizeof titles / sizeof *titles };

static bool happening_add(void *context, const struct json *json) {
    struct happenings *list = context;
    struct buffer text = { 0 };
    struct happening one = { .json = json_raw(json, 0) };
    snprintf(one.at, sizeof one.at, "%s", answer_text(json, "/at", &text).data);
    bool ours = list->plugin == NULL || bytes_equal_text(answer_text(json, "/plugin", &text), list->plugin);
    buffer_free(&text);
    return !ours || buffer_append(&list->all, &one, sizeof one);
}

static size_t happening_count(const struct happenings *list) {
    return list->all.length / sizeof(struct happening);
}

static const struct happening *happening_at(const struct happenings *list, size_t index) {
    return (const struct happening *)(const void *)list->all.data + index;
}

static void time_add(const struct json *json, struct table *table) {
    struct buffer text = { 0 }, cell = { 0 };
    char time[WORDS_SIZE];
    struct bytes moment = words_moment(answer_text(json, "/at", &text), clock_wall_ms(), time);
    buffer_append_text(&cell, "  ");
    buffer_append(&cell, moment.data, moment.length);
    table_add(table, (struct bytes){ cell.data, cell.length });
    buffer_free(&text);
    buffer_free(&cell);
}

/* Milliseconds, with a fraction that matters only where they are few. */
static void took_add(const struct json *json, struct table *table) {
    struct buffer text = { 0 };
    char span[WORDS_SIZE] = "";
    double ms = strtod(answer_text(json, "/duration_ms", &text).data, NULL);
    if (ms > 0 && ms < 10)
        snprintf(span, sizeof span, ms < 0.05 ? "<0.1ms" : "%.1fms", ms);
    else if (ms > 0)
        words_span((int64_t)ms, span);
    table_add(table, bytes_of(span));
    buffer_free(&text);
}

static void gap_add(struct table *table, int64_t count) {
    char words[64];
    snprintf(words, sizeof words, "… %lld attempt%s not kept …", (long long)count, words_plural(count));
    for (int i = 1; i < COLUMNS; i++)
        table_add(table, bytes_of(""));
    table_add(table, bytes_of(words));
}

/* `last` is the sequence of the attempt before it. */
static void attempt_add(const struct json *json, struct table *table, int64_t *last) {
    struct buffer text = { 0 };
    int64_t sequence = answer_number(json, "/sequence");
    if (sequence > *last + 1)
        gap_add(table, sequence - *last - 1);
    *last = sequence;
    time_add(json, table);
    table_add(table, answer_text(json, "/attempt", &text));
    table_add(table, answer_text(json, "/outcome", &text));
    took_add(json, table);
    table_add(table, answer_text(json, "/error", &text));
    buffer_free(&text);
}

static void entry_add(const struct json *json, struct table *table) {
    static const struct {
        const char *entry, *words;
        bool attempts;
    } rows[] = {
        { "done", "delivered", true },
        { "dead", "given up: a dead letter", true },
        { "retried", "put back by `grapnel retry`", false },
        { "discarded", "dropped by `grapnel discard`", false },
        { "replayed", "once more, by `grapnel replay`", false },
    };
    struct buffer text = { 0 }, attempts = { 0 };
    struct bytes entry = answer_text(json, "/entry", &text);
    enum style style = bytes_equal_text(entry, "dead") ? STYLE_BAD : STYLE_NONE;
    const char *words = "";
    bool counts = false;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (bytes_equal_text(entry, rows[i].entry)) {
            words = rows[i].words;
            counts = rows[i].attempts;
        }
    }
    time_add(json, table);
    table_add(table, counts ? answer_text(json, "/attempts", &attempts) : bytes_of(""));
    table_add_styled(table, entry, style);
    if (bytes_equal_text(entry, "done"))
        took_add(json, table); /* of a dead letter, its last attempt has told */
    else
        table_add(table, bytes_of(""));
    table_add(table, bytes_of(words));
    buffer_free(&text);
    buffer_free(&attempts);
}

/* Both lists are in their own order, whatever the wall clock did; an attempt comes before what was settled by it. */
static bool happenings_print(const struct happenings *attempts, const struct happenings *entries, struct fault *fault) {
    struct table table = table_begin(titles, COLUMNS, stdout);
    struct json json = { 0 };
    int64_t last = 0;
    size_t attempt = 0, entry = 0;
    bool good = true;
    while (good && (attempt < happening_count(attempts) || entry < happening_count(entries))) {
        bool tried = attempt < happening_count(attempts) &&
                     (entry == happening_count(entries) ||
                      strcmp(happening_at(attempts, attempt)->at, happening_at(entries, entry)->at) <= 0);
        good = json_parse(&json, (tried ? happening_at(attempts, attempt++) : happening_at(entries, entry++))->json,
                          fault);
        if (good && tried)
            attempt_add(&json, &table, &last);
        else if (good)
            entry_add(&json, &table);
    }
    json_free(&json);
    good = good && table_end(&table, stdout, fault);
    table_free(&table);
    return good;
}

/* "email: retrying, next attempt in 2m15s" */
static bool title_print(const struct json *delivery, struct fault *fault) {
    struct table title = { .columns = 1, .colours = style_wanted(stdout) };
    struct buffer text = { 0 }, line = { 0 };
    char distance[WORDS_SIZE];
    buffer_format(&line, "%s: ", answer_text(delivery, "/plugin", &text).data);
    struct bytes state = answer_text(delivery, "/state", &text);
    enum style style = style_of_state(state);
    buffer_append(&line, state.data, state.length);
    if (answer_has(delivery, "/reason"))
        buffer_format(&line, " (%s)", answer_text(delivery, "/reason", &text).data);
    if (answer_has(delivery, "/next"))
        buffer_format(&line, ", next attempt %s",
                      words_distance(answer_text(delivery, "/next", &text), clock_wall_ms(), distance));
    if (answer_has(delivery, "/key"))
        buffer_format(&line, ", key %s", answer_text(delivery, "/key", &text).data);
    table_add_styled(&title, bytes_of(buffer_text(&line)), style == STYLE_NONE ? STYLE_TITLE : style);
    bool printed = putchar('\n') != EOF && table_end(&title, stdout, fault);
    table_free(&title);
    buffer_free(&text);
    buffer_free(&line);
    return printed;
}

static bool delivery_is_open(const struct json *delivery) {
    struct buffer text = { 0 };
    struct bytes state = answer_text(delivery, "/state", &text);
    bool open = bytes_equal_text(state, "pending") || bytes_equal_text(state, "retrying");
    buffer_free(&text);
    return open;
}

/* "  waits: breaker open, probe in 23s: …", behind the title: for somebody who wonders why nothing happens. */
static bool wait_print(const struct json *delivery, const struct plugins *plugins, struct fault *fault) {
    struct table table = { .columns = 1, .colours = style_wanted(stdout) };
    struct buffer text = { 0 }, words = { 0 }, line = { 0 };
    if (answer_has(delivery, "/parked"))
        buffer_append_text(&line, "  parked: the plugin is not in the config");
    else if (delivery_is_open(delivery))
        plugins_wait_words(plugins, answer_text(delivery, "/plugin", &text), &words);
    if (words.length > 0)
        buffer_format(&line, "  waits: %s", buffer_text(&words));
    if (line.length > 0)
        table_add_styled(&table, bytes_of(buffer_text(&line)), STYLE_WARN);
    bool printed = line.length == 0 || table_end(&table, stdout, fault);
    table_free(&table);
    buffer_free(&text);
    buffer_free(&words);
    buffer_free(&line);
    return printed;
}

struct story {
    const struct json *event;
    const struct plugins *plugins;
    struct fault *fault;
};

static bool delivery_print(void *context, const struct json *delivery) {
    struct story *story = context;
    struct buffer plugin = { 0 };
    answer_text(delivery, "/plugin", &plugin);
    struct happenings attempts = { 0 }, entries = { .plugin = buffer_text(&plugin) };
    bool printed = title_print(delivery, story->fault) && wait_print(delivery, story->plugins, story->fault) &&
                   answer_each(delivery, "/history", happening_add, &attempts, story->fault) &&
                   answer_each(story->event, "/journal", happening_add, &entries, story->fault);
    if (printed && happening_count(&attempts) + happening_count(&entries) > 0)
        printed = happenings_print(&attempts, &entries, story->fault);
    buffer_free(&attempts.all);
    buffer_free(&entries.all);
    buffer_free(&plugin);
    return printed;
}

static bool open_find(void *context, const struct json *delivery) {
    bool *open = context;
    *open = *open || delivery_is_open(delivery);
    return true;
}

bool story_is_open(const struct json *event) {
    struct fault fault;
    bool open = false;
    answer_each(event, "/deliveries", open_find, &open, &fault);
    return open;
}

bool story_print(const struct json *event, const struct plugins *plugins, struct fault *fault) {
    struct story story = { event, plugins, fault };
    if (json_count(event, json_find(event, "/deliveries", NULL)) == 0)
        printf(
            "\nNo route takes events of this type: nothing was delivered. `grapnel replay` does by today's routes.\n");
    return answer_each(event, "/deliveries", delivery_print, &story, fault);
}
