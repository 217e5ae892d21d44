#include "cli/pages.h"

#include "base/units.h"
#include "cli/progress.h"

enum { PAGES_DEFAULT = 50, PAGES_LIMIT = 1000000, PAGE_ROWS = 100 };

/* One walk. */
struct walk {
    struct pages *pages;
    const struct arguments *arguments;
    struct control *control;
    struct progress progress;
    int64_t limit;
    bool as_json;
    bool more;       /* rows behind those that came, from `cursor` on */
    int interrupted; /* then the exit code */
    struct buffer path, next, answer, cursor;
    struct fault fault;
};

static bool row_take(void *context, const struct json *row) {
    struct walk *walk = context;
    struct pages *pages = walk->pages;
    if (pages->rows == walk->limit)
        return true; /* nobody asked for it */
    if (walk->as_json) {
        struct bytes raw = json_raw(row, 0);
        printf("%s%.*s", pages->rows == 0 ? "" : ",\n", (int)raw.length, raw.data);
    }
    pages->rows++;
    return walk->as_json || pages->member(pages->table, row);
}

static bool page_take(struct walk *walk) {
    struct json list = { 0 };
    bool good = control_get(walk->control, buffer_text(&walk->path), &walk->answer, &walk->next, &walk->fault) &&
                answer_parse(&list, &walk->answer, &walk->fault) &&
                answer_each(&list, "", row_take, walk, &walk->fault);
    json_free(&list);
    return good;
}

/* The path of the page from `cursor` on (null: the first), as many rows as are still wanted. */
static void path_make(struct walk *walk, const char *cursor) {
    int64_t left = walk->limit - walk->pages->rows;
    char rows[24];
    snprintf(rows, sizeof rows, "%lld", (long long)(left < PAGE_ROWS ? left : PAGE_ROWS));
    buffer_clear(&walk->path);
    buffer_append_text(&walk->path, walk->pages->path);
    control_parameter(&walk->path, "limit", rows);
    control_parameter(&walk->path, "cursor", cursor);
}

/* False with the reason. The first page can be broken off by Ctrl-C as any question; from the second on it ends the walk between two. */
static bool pages_follow(struct walk *walk) {
    bool good = true, watched = false;
    walk->more = true;
    path_make(walk, argument_value(walk->arguments, "cursor"));
    while (good && walk->more && walk->pages->rows < walk->limit && !walk->interrupted) {
        good = page_take(walk);
        buffer_clear(&walk->cursor);
        walk->more = good && control_parameter_of(buffer_text(&walk->next), "cursor", &walk->cursor);
        path_make(walk, buffer_text(&walk->cursor));
        if (!watched)
            walk->progress = progress_begin(walk->arguments->command->name);
        watched = true;
        walk->interrupted = progress_interrupted(&walk->progress);
        progress_tell(&walk->progress, "%lld found so far, still looking", (long long)walk->pages->rows);
    }
    progress_clear(&walk->progress);
    return good;
}

/* EXIT_DONE, or the exit code after the reason was printed. */
static int options_read(struct walk *walk) {
    const char *limit = argument_value(walk->arguments, "limit");
    walk->limit = PAGES_DEFAULT;
    walk->as_json = argument_value(walk->arguments, "json") != NULL;
    if (limit && (!integer_parse(limit, &walk->limit) || walk->limit < 1 || walk->limit > PAGES_LIMIT))
        return command_misused(walk->arguments->command, "--limit is a number from 1 to %d, not \"%s\"", PAGES_LIMIT,
                               limit);
    walk->control = control_open(argument_value(walk->arguments, "config"), &walk->fault);
    if (walk->control != NULL)
        return EXIT_DONE;
    fprintf(stderr, "grapnel %s: %s\n", walk->arguments->command->name, walk->fault.text);
    return EXIT_FAILED;
}

/* What came, whether or not that was all; false with the reason. */
static bool rows_show(struct walk *walk, bool good) {
    const struct pages *pages = walk->pages;
    if (walk->as_json)
        printf("%s", good ? "]\n" : "\n"); /* what broke off must not look whole */
    else if (pages->rows > 0)
        return table_end(pages->table, stdout, good ? &walk->fault : NULL) && good;
    else if (good && !walk->interrupted)
        printf("%s\n", pages->none);
    return good;
}

/* Returns the exit code. */
static int walk_end(struct walk *walk, bool good) {
    const char *command = walk->arguments->command->name;
    fflush(stdout); /* before what stderr says about it */
    if (!good) {
        fprintf(stderr, "grapnel %s: %s\n", command, walk->fault.text);
        return control_exit_code(walk->control);
    }
    if (walk->more)
        fprintf(stderr, "grapnel %s: %s; go on behind these with --cursor %s\n", command,
                walk->interrupted ? "interrupted" : "there may be more: see them with a higher --limit",
                buffer_text(&walk->cursor));
    return walk->interrupted;
}

int pages_show(struct pages *pages, const struct arguments *arguments) {
    struct walk walk = { .pages = pages, .arguments = arguments };
    pages->rows = 0;
    int code = options_read(&walk);
    if (code == EXIT_DONE) {
        printf("%s", walk.as_json ? "[" : "");
        code = walk_end(&walk, rows_show(&walk, pages_follow(&walk)));
    }
    table_free(pages->table);
    control_close(walk.control);
    buffer_free(&walk.path);
    buffer_free(&walk.next);
    buffer_free(&walk.answer);
    buffer_free(&walk.cursor);
    return code;
}
