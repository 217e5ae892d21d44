#include "cli/letters.h"

#include "cli/batch.h"
#include "cli/confirm.h"
#include "cli/plugins.h"
#include "cli/target.h"
#include "cli/words.h"

/* Asks on the terminal. A plugin that the daemon does not tell of has nothing that could be lost: it is unknown, as the daemon will say, or has
 * no letters. */
static bool person_agrees(const struct arguments *arguments, const struct plugin_counts *counts) {
    struct buffer question = { 0 };
    if (!counts->found || !confirm_wanted(arguments))
        return true;
    buffer_format(&question, "%s the %lld dead letter%s", arguments->command->name, (long long)counts->dead,
                  words_plural(counts->dead));
    if (counts->parked && counts->open > 0)
        buffer_format(&question, " and %lld open deliver%s", (long long)counts->open, counts->open == 1 ? "y" : "ies");
    buffer_format(&question, " of %s, so that %s never delivered", argument_value(arguments, "plugin"),
                  counts->dead + (counts->parked ? counts->open : 0) == 1 ? "it is" : "they are");
    bool agreed = confirm_ask(buffer_text(&question));
    buffer_free(&question);
    return agreed;
}

static void all_tell(const struct letters *letters, const struct batch *batch, const char *plugin) {
    printf("%s: %lld %s", plugin, (long long)batch->changed, letters->done);
    if (batch->skipped > 0)
        printf("; %lld had changed meanwhile and %s left alone", (long long)batch->skipped,
               batch->skipped == 1 ? "was" : "were");
    printf("\n");
    fflush(stdout); /* before what stderr says about it */
}

static int letters_all(const struct letters *letters, const struct arguments *arguments, struct control *control,
                       struct fault *fault) {
    const char *plugin = argument_value(arguments, "plugin");
    struct plugins plugins = { 0 };
    struct buffer members = { 0 };
    int code = EXIT_DONE;
    bool counted = plugins_read(&plugins, control, fault);
    struct plugin_counts counts = counted ? plugins_count(&plugins, bytes_of(plugin)) : (struct plugin_counts){ 0 };
    plugins_free(&plugins);
    if (!counted)
        return control_exit_code(control);
    if (letters->confirm && !person_agrees(arguments, &counts)) {
        fault_set(fault, "nothing was done");
        return EXIT_FAILED;
    }
    question_text(&members, "plugin", plugin);
    buffer_append_text(&members, ",\"all\":true");
    struct batch batch = { .path = letters->path,
                           .members = buffer_text(&members),
                           .done = letters->done,
                           .expected = counts.found && !counts.parked ? counts.dead : -1 };
    enum batch_end end = batch_run(&batch, control, arguments->command->name, &code, fault);
    if (end == BATCH_DONE || batch.changed > 0)
        all_tell(letters, &batch, plugin);
    if (end == BATCH_INTERRUPTED)
        fault_set(fault, "interrupted; the same command goes on with the rest");
    else if (end == BATCH_FAILED && batch.changed > 0)
        fprintf(stderr, "grapnel %s: the same command goes on with the rest, when it can:\n", arguments->command->name);
    batch_free(&batch);
    buffer_free(&members);
    return code;
}

static int letters_one(const struct letters *letters, const struct arguments *arguments, const struct target *target,
                       struct control *control, struct fault *fault) {
    const char *plugin = argument_value(arguments, "plugin");
    struct buffer members = { 0 };
    question_text(&members, "plugin", plugin);
    question_text(&members, "source", target->source);
    question_text(&members, "id", target->id);
    struct batch batch = { .path = letters->path, .members = buffer_text(&members) };
    int code = batch_ask(&batch, control, fault) ? EXIT_DONE : control_exit_code(control);
    if (code == EXIT_DONE && batch.changed == 0) {
        fault_set(fault, "%s of %s has changed meanwhile and was left alone; see `grapnel show %s`", arguments->word,
                  plugin, arguments->word);
        code = EXIT_FAILED;
    }
    if (code == EXIT_DONE)
        printf("%s: %s %s\n", plugin, arguments->word, letters->one_done);
    batch_free(&batch);
    buffer_free(&members);
    return code;
}

static int letters_check(const struct arguments *arguments, struct target *target) {
    struct fault fault = { .text = "" };
    const char *plugin = argument_value(arguments, "plugin");
    bool all = argument_value(arguments, "all") != NULL;
    if (plugin == NULL || plugin[0] == '\0' || !text_is_utf8(plugin))
        return command_misused(arguments->command, "say with --plugin whose deliveries are meant");
    if (all == (arguments->word != NULL))
        return command_misused(arguments->command, "say which: one event as SOURCE/ID, or --all");
    if (!all && !target_read(target, arguments->word, &fault))
        return command_misused(arguments->command, "%s", fault.text);
    return EXIT_DONE;
}

int letters_run(const struct letters *letters, const struct arguments *arguments) {
    struct target target = { .id = "" };
    struct fault fault = { .text = "" };
    int code = letters_check(arguments, &target);
    if (code != EXIT_DONE)
        return code;
    struct control *control = control_open(argument_value(arguments, "config"), &fault);
    if (control == NULL)
        code = EXIT_FAILED;
    else if (arguments->word != NULL)
        code = letters_one(letters, arguments, &target, control, &fault);
    else
        code = letters_all(letters, arguments, control, &fault);
    if (code != EXIT_DONE)
        fprintf(stderr, "grapnel %s: %s\n", arguments->command->name, fault.text);
    control_close(control);
    return code;
}
