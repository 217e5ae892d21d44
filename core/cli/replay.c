/* grapnel replay: events are delivered once more, done or not, by today's routes or to one plugin. */
#include <string.h>

#include "cli/batch.h"
#include "cli/cli.h"
#include "cli/confirm.h"
#include "cli/filter.h"
#include "cli/plugins.h"
#include "cli/replay_one.h"
#include "cli/target.h"
#include "cli/words.h"

const struct command_option replay_options[] = {
    COMMAND_OPTION_CONFIG, { "plugin", 'p', "NAME", "to this plugin only; default all that today's routes name" },
    FILTER_OPTIONS,        { "from", 0, "PLACE", "go on where an earlier call was interrupted, as it told" },
    CONFIRM_OPTION,        { 0 },
};

#define COUNTED_EVENTS "500" /* a page of the API: more are not counted before a question */

enum { PLACE_SEPARATOR = ':', PLACE_SIZE = 64 };

/* The place is until:cursor, which are whole numbers, the cursor perhaps as a text. */
static const char *place_text(struct batch *batch, char place[PLACE_SIZE]) {
    const char *cursor = buffer_text(&batch->cursor);
    cursor += cursor[0] == '"';
    snprintf(place, PLACE_SIZE, "%s%c%.*s", buffer_text(&batch->until), PLACE_SEPARATOR,
             (int)strspn(cursor, "0123456789"), cursor);
    return place;
}

static bool place_read(struct batch *batch, const char *place) {
    const char *separator = strchr(place, PLACE_SEPARATOR);
    size_t digits = strspn(place, "0123456789");
    if (separator == NULL || digits == 0 || place + digits != separator || separator[1] == '\0' ||
        strspn(separator + 1, "0123456789") != strlen(separator + 1))
        return false;
    buffer_append(&batch->until, place, digits);
    buffer_append_text(&batch->cursor, separator + 1);
    return true;
}

static void result_print(const struct batch *batch) {
    printf("%lld deliver%s made", (long long)batch->changed, batch->changed == 1 ? "y was" : "ies were");
    if (batch->skipped > 0)
        printf("; %lld still open or dead, and left alone", (long long)batch->skipped);
    if (batch->unrouted > 0)
        printf("; %lld event%s no route by today's config", (long long)batch->unrouted,
               batch->unrouted == 1 ? " has" : "s have");
    printf("\n");
    fflush(stdout); /* before what stderr says about it */
}

/* How many events the filter finds; -1: so many that nobody counts them. */
static bool events_count(const struct arguments *arguments, struct control *control, int *count, struct fault *fault) {
    struct buffer path = { 0 }, answer = { 0 }, next = { 0 };
    struct json events = { 0 };
    buffer_append_text(&path, "/api/events?limit=" COUNTED_EVENTS);
    filter_parameters(arguments, &path);
    bool good =
        control_get(control, buffer_text(&path), &answer, &next, fault) && answer_parse(&events, &answer, fault);
    *count = good && next.length == 0 ? json_count(&events, 0) : -1;
    buffer_free(&path);
    buffer_free(&answer);
    buffer_free(&next);
    json_free(&events);
    return good;
}

/* The question of confirm_ask. `count`: -1 if it is not known, or is not what is left. */
static void question_make(const struct arguments *arguments, const struct plugins *plugins, int count,
                          struct buffer *question) {
    const char *plugin = argument_value(arguments, "plugin");
    if (count >= 0) {
        buffer_format(question, "deliver about %d event%s again, ", count, words_plural(count));
    } else {
        bool rest = argument_value(arguments, "from") != NULL;
        buffer_format(question, "deliver %s events (", rest ? "the rest of the" : "all");
        filter_words(arguments, question);
        buffer_append_text(question, ") again, ");
    }
    if (plugin != NULL) {
        buffer_format(question, "to %s", plugin);
        return;
    }
    struct buffer names = { 0 };
    plugins_names(plugins, &names);
    buffer_format(question, "to those of %s that today's routes name", buffer_text(&names));
    buffer_free(&names);
}

/* Asks on the terminal, unless there is nothing to be done, or a plugin is named that nothing can be delivered to, as the daemon will say. The
 * exit code, EXIT_DONE for yes; otherwise with the reason. */
static int person_asked(const struct arguments *arguments, struct control *control, struct fault *fault) {
    const char *plugin = argument_value(arguments, "plugin");
    struct plugins plugins = { 0 };
    struct buffer question = { 0 };
    int count = -1, code = EXIT_DONE;
    bool known = plugins_read(&plugins, control, fault);
    struct plugin_counts counts =
        known && plugin ? plugins_count(&plugins, bytes_of(plugin)) : (struct plugin_counts){ .found = true };
    bool possible = known && counts.found && !counts.parked;
    if (!known ||
        (possible && argument_value(arguments, "from") == NULL && !events_count(arguments, control, &count, fault))) {
        code = control_exit_code(control);
    } else if (possible && count != 0) {
        question_make(arguments, &plugins, count, &question);
        if (!confirm_ask(buffer_text(&question))) {
            fault_set(fault, "nothing was done");
            code = EXIT_FAILED;
        }
    }
    plugins_free(&plugins);
    buffer_free(&question);
    return code;
}

static int replay_filtered(struct batch *batch, const struct arguments *arguments, struct control *control,
                           struct fault *fault) {
    char place[PLACE_SIZE];
    int code = confirm_wanted(arguments) ? person_asked(arguments, control, fault) : EXIT_DONE;
    if (code != EXIT_DONE)
        return code;
    enum batch_end end = batch_run(batch, control, arguments->command->name, &code, fault);
    if (end == BATCH_DONE || batch->changed > 0)
        result_print(batch);
    /* Not just the same command: what it has replayed is done, and would be replayed again. */
    if (end == BATCH_INTERRUPTED)
        fault_set(fault, "interrupted; the same command with --from %s goes on with the rest",
                  place_text(batch, place));
    else if (end == BATCH_FAILED && batch->cursor.length > 0)
        fprintf(stderr,
                "grapnel replay: the same command with --from %s goes on with the rest, when it can; some of it may be "
                "done:\n",
                place_text(batch, place));
    return code;
}

static int replay_check(const struct arguments *arguments, struct target *target, struct batch *batch) {
    struct fault fault = { .text = "" };
    const char *from = argument_value(arguments, "from"), *plugin = argument_value(arguments, "plugin");
    bool filtered = filter_is_given(arguments);
    if (filtered == (arguments->word != NULL))
        return command_misused(arguments->command,
                               "say which: one event as SOURCE/ID, or many by --source, --type, --state, --since");
    if (arguments->word != NULL && !target_read(target, arguments->word, &fault))
        return command_misused(arguments->command, "%s", fault.text);
    if (from != NULL && (!filtered || !place_read(batch, from)))
        return command_misused(arguments->command,
                               "--from takes the place that an interrupted call with the same "
                               "options told, not \"%s\"",
                               from);
    if (plugin != NULL && (plugin[0] == '\0' || !text_is_utf8(plugin)))
        return command_misused(arguments->command, "--plugin can't be \"%s\"", plugin);
    return filter_check(arguments);
}

static void members_make(const struct arguments *arguments, const struct target *target, struct buffer *members) {
    question_text(members, "plugin", argument_value(arguments, "plugin"));
    if (arguments->word != NULL) {
        question_text(members, "source", target->source);
        question_text(members, "id", target->id);
        return;
    }
    struct buffer filter = { 0 };
    filter_members(arguments, argument_value(arguments, "from") != NULL, &filter);
    buffer_format(members, "%s\"filter\":{%s}", members->length > 0 ? "," : "", buffer_text(&filter));
    buffer_free(&filter);
}

int replay_run(const struct arguments *arguments) {
    struct target target = { .id = "" };
    struct fault fault = { .text = "" };
    struct buffer members = { 0 };
    struct batch batch = { .path = "/api/replay", .done = "deliveries made", .expected = -1 };
    struct control *control = NULL;
    int code = replay_check(arguments, &target, &batch);
    if (code == EXIT_DONE) {
        members_make(arguments, &target, &members);
        batch.members = buffer_text(&members);
        control = control_open(argument_value(arguments, "config"), &fault);
        code = control == NULL ? EXIT_FAILED
               : arguments->word != NULL
                   ? replay_one(&batch, &target, argument_value(arguments, "plugin"), control, &fault)
                   : replay_filtered(&batch, arguments, control, &fault);
    }
    if (code != EXIT_DONE && fault.text[0] != '\0')
        fprintf(stderr, "grapnel replay: %s\n", fault.text);
    control_close(control);
    batch_free(&batch);
    buffer_free(&members);
    return code;
}
