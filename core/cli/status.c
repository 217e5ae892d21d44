/* grapnel status: how the daemon is doing, and what to do next, on one page. */
#include <stdio.h>

#include "base/clock.h"
#include "cli/answer.h"
#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/table.h"
#include "cli/words.h"

const struct command_option status_options[] = {
    COMMAND_OPTION_CONFIG,
    { "json", 'j', NULL, "as JSON, an object: what the API answers" },
    { 0 },
};

/* What is gathered while the plugins' rows are made, for the lines below them. */
struct status_page {
    struct table table, whys;
    struct buffer parked; /* names */
    struct buffer mortal; /* the name of one in the config that has dead letters */
    int mortals;          /* how many have */
    int parkeds;
    int64_t dead; /* of those */
    int64_t parked_dead, parked_open, now_ms;
};

static void breaker_add(struct status_page *page, const struct json *plugin) {
    struct buffer text = { 0 }, cell = { 0 };
    char distance[WORDS_SIZE];
    struct bytes breaker = answer_text(plugin, "/breaker", &text);
    enum style style = style_of_state(breaker);
    buffer_append(&cell, breaker.data, breaker.length);
    if (answer_has(plugin, "/rate"))
        buffer_format(&cell, ", %lld/s", (long long)answer_number(plugin, "/rate"));
    if (answer_has(plugin, "/probe"))
        buffer_format(&cell, ", probe %s",
                      words_distance(answer_text(plugin, "/probe", &text), page->now_ms, distance));
    table_add_styled(&page->table, bytes_of(buffer_text(&cell)), style);
    buffer_free(&text);
    buffer_free(&cell);
}

/* What is told below the table. */
static void notes_add(struct status_page *page, const struct json *plugin, struct bytes name, bool parked) {
    struct buffer text = { 0 }, line = { 0 };
    int64_t dead = answer_number(plugin, "/dead");
    struct bytes why = answer_text(plugin, "/why", &text);
    if (why.length > 0 && !parked) {
        buffer_format(&line, "%s: %s", name.data, why.data);
        table_add(&page->whys, bytes_of(buffer_text(&line)));
    }
    if (parked) {
        buffer_format(&page->parked, "%s%s", page->parked.length > 0 ? ", " : "", name.data);
        page->parkeds++;
        page->parked_dead += dead;
        page->parked_open += answer_number(plugin, "/pending") + answer_number(plugin, "/retrying");
    } else if (dead > 0) {
        buffer_clear(&page->mortal);
        buffer_append(&page->mortal, name.data, name.length);
        page->mortals++;
        page->dead += dead;
    }
    buffer_free(&text);
    buffer_free(&line);
}

static bool plugin_add(void *context, const struct json *plugin) {
    struct status_page *page = context;
    struct buffer text = { 0 }, name = { 0 };
    char workers[48];
    struct bytes called = answer_text(plugin, "/plugin", &name);
    bool parked = bytes_equal_text(answer_text(plugin, "/state", &text), "parked");
    long long running = answer_number(plugin, "/running"), wanted = answer_number(plugin, "/workers");
    bool mortal = answer_number(plugin, "/dead") > 0;
    snprintf(workers, sizeof workers, "%lld/%lld", running, wanted);
    table_add(&page->table, called);
    table_add_styled(&page->table, bytes_of(parked ? "parked" : workers),
                     parked || running < wanted ? STYLE_WARN : STYLE_NONE);
    table_add(&page->table, answer_text(plugin, "/pending", &text));
    table_add(&page->table, answer_text(plugin, "/retrying", &text));
    table_add_styled(&page->table, answer_text(plugin, "/dead", &text), mortal ? STYLE_BAD : STYLE_NONE);
    if (parked)
        table_add(&page->table, bytes_of("-"));
    else
        breaker_add(page, plugin);
    notes_add(page, plugin, called, parked);
    buffer_free(&text);
    buffer_free(&name);
    return true;
}

static bool address_add(void *context, const struct json *address) {
    struct buffer *all = context, text = { 0 };
    struct bytes one = answer_text(address, "", &text);
    buffer_append_text(all, all->length > 0 ? ", " : "");
    buffer_append(all, one.data, one.length);
    buffer_free(&text);
    return true;
}

static void pair_add(struct table *table, const char *label, struct buffer *value, enum style style) {
    table_add(table, bytes_of(label));
    table_add_styled(table, (struct bytes){ buffer_text(value), value->length }, style);
    buffer_clear(value);
}

static void daemon_pairs(const struct json *status, struct table *table, struct buffer *value) {
    struct buffer text = { 0 };
    struct fault fault;
    char date[WORDS_SIZE], distance[WORDS_SIZE];
    answer_text(status, "/version", &text);
    buffer_format(value, "%s, pid %lld", buffer_text(&text), (long long)answer_number(status, "/pid"));
    struct bytes started = answer_text(status, "/started", &text), since = words_date(started, date);
    buffer_format(value, ", since %.*s UTC (%s)", (int)since.length, since.data,
                  words_distance(started, clock_wall_ms(), distance));
    pair_add(table, "grapnel", value, STYLE_NONE);
    answer_text(status, "/config", &text);
    buffer_append(value, text.data, text.length);
    pair_add(table, "config", value, STYLE_NONE);
    answer_each(status, "/listening", address_add, value, &fault);
    pair_add(table, "listening", value, STYLE_NONE);
    struct bytes intake = answer_text(status, "/intake", &text);
    enum style style = style_of_state(intake);
    bool open = bytes_equal_text(intake, "open");
    buffer_append(value, intake.data, intake.length);
    if (answer_has(status, "/why"))
        buffer_format(value, ": %s", answer_text(status, "/why", &text).data);
    pair_add(table, "intake", value, open ? STYLE_NONE : style);
    buffer_free(&text);
}

static void store_pair(const struct json *status, struct table *table, struct buffer *value) {
    struct buffer text = { 0 };
    char size[WORDS_SIZE], date[WORDS_SIZE], distance[WORDS_SIZE];
    int64_t events = answer_number(status, "/store/events"), unrouted = answer_number(status, "/store/unrouted");
    answer_text(status, "/store/path", &text);
    buffer_append(value, text.data, text.length);
    buffer_format(value, ": %s", words_size(answer_number(status, "/store/bytes"), size));
    if (answer_number(status, "/store/free_bytes") > 0)
        buffer_format(value, " (%s of it free)", words_size(answer_number(status, "/store/free_bytes"), size));
    buffer_format(value, ", %lld event%s", (long long)events, words_plural(events));
    if (unrouted > 0)
        buffer_format(value, ", %lld unrouted", (long long)unrouted);
    if (answer_has(status, "/store/oldest")) {
        struct bytes oldest = answer_text(status, "/store/oldest", &text), shown = words_date(oldest, date);
        buffer_format(value, ", the oldest of %.*s UTC (%s)", (int)shown.length, shown.data,
                      words_distance(oldest, clock_wall_ms(), distance));
    }
    pair_add(table, "store", value, STYLE_NONE);
    buffer_free(&text);
}

static bool source_add(void *context, const struct json *source) {
    static const char *const members[] = { "/source", "/path", "/accepted", "/duplicate", "/refused" };
    struct buffer text = { 0 };
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        table_add(context, answer_text(source, members[i], &text));
    buffer_free(&text);
    return true;
}

/* No retry for them: nothing would deliver. */
static void parked_print(struct status_page *page) {
    bool several = page->parked_dead + page->parked_open > 1;
    char dead[96];
    snprintf(dead, sizeof dead, "%s%lld dead letter%s", page->parked_open > 0 ? " and " : "",
             (long long)page->parked_dead, words_plural(page->parked_dead));
    char open[96];
    snprintf(open, sizeof open, "%lld open deliver%s", (long long)page->parked_open,
             page->parked_open == 1 ? "y" : "ies");
    table_print_paragraph(stdout,
                          "Parked, as the config has no such plugin any more: %s. %s%s wait%s until it is back there: "
                          "what is open goes on then, and what is dead can be retried; "
                          "`grapnel discard --plugin %s --all` drops %s.",
                          buffer_text(&page->parked), page->parked_open > 0 ? open : "",
                          page->parked_dead > 0 ? dead : "", several ? "" : "s",
                          page->parkeds == 1 ? buffer_text(&page->parked) : "PLUGIN", several ? "them" : "it");
}

static void advice_print(struct status_page *page) {
    if (page->dead > 0)
        table_print_paragraph(
            stdout,
            "%lld dead letter%s: `grapnel dead` tells why; `grapnel retry --plugin %s --all` delivers %s again.",
            (long long)page->dead, words_plural(page->dead), page->mortals == 1 ? buffer_text(&page->mortal) : "PLUGIN",
            page->dead == 1 ? "it" : "them");
    if (page->parked_dead + page->parked_open > 0)
        parked_print(page);
}

static bool tables_print(struct table *sources, struct status_page *page, struct fault *fault) {
    printf("\n");
    if (!table_end(sources, stdout, fault))
        return false;
    printf("\n");
    if (!table_end(&page->table, stdout, fault))
        return false;
    if (page->whys.ends.length > 0)
        printf("\n");
    return table_end(&page->whys, stdout, fault);
}

static bool page_print(const struct json *status, struct control *control, struct fault *fault) {
    (void)control;
    static const char *const plugin_titles[] = { "PLUGIN", "WORKERS", "PENDING", "RETRYING", "DEAD", "BREAKER" };
    static const char *const source_titles[] = { "SOURCE", "PATH", "ACCEPTED", "DUPLICATE", "REFUSED" };
    struct table head = { .columns = 2, .colours = style_wanted(stdout) };
    struct table sources = table_begin(source_titles, sizeof source_titles / sizeof *source_titles, stdout);
    struct status_page page = {
        .table = table_begin(plugin_titles, sizeof plugin_titles / sizeof *plugin_titles, stdout),
        .whys = { .columns = 1 },
        .now_ms = clock_wall_ms(),
    };
    struct buffer value = { 0 };
    daemon_pairs(status, &head, &value);
    store_pair(status, &head, &value);
    bool printed = answer_each(status, "/sources", source_add, &sources, fault) &&
                   answer_each(status, "/plugins", plugin_add, &page, fault) && table_end(&head, stdout, fault) &&
                   tables_print(&sources, &page, fault);
    if (printed)
        advice_print(&page);
    table_free(&head);
    table_free(&sources);
    table_free(&page.table);
    table_free(&page.whys);
    buffer_free(&page.mortal);
    buffer_free(&page.parked);
    buffer_free(&value);
    return printed;
}

int status_run(const struct arguments *arguments) {
    return ask_show(arguments, "/api/status", page_print);
}
