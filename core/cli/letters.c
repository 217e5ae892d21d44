#include "cli/letters.h"

#include <stdlib.h>
#include <unistd.h>

#include "cli/batch.h"
#include "cli/target.h"
#include "cli/words.h"

/* What the daemon counts of one plugin. */
struct letter_count {
    const char *plugin;
    bool found, parked;
    int64_t dead, open;
};

static bool count_take(void *context, const struct json *plugin) {
    struct letter_count *count = context;
    struct buffer text = { 0 };
    if (bytes_equal_text(answer_text(plugin, "/plugin", &text), count->plugin)) {
        count->found = true;
        count->parked = bytes_equal_text(answer_text(plugin, "/state", &text), "parked");
        count->dead = answer_number(plugin, "/dead");
        count->open = answer_number(plugin, "/pending") + answer_number(plugin, "/retrying");
    }
    buffer_free(&text);
    return true;
}

static bool letters_count(struct control *control, struct letter_count *count, struct fault *fault) {
    struct buffer answer = { 0 };
    struct json status = { 0 };
    bool good = control_get(control, "/api/status", &answer, NULL, fault) && answer_parse(&status, &answer, fault) &&
                answer_each(&status, "/plugins", count_take, count, fault);
    buffer_free(&answer);
    json_free(&status);
    return good;
}

/* Asks on the terminal, unless --yes said so already. A plugin that the daemon does not tell of has nothing that could be lost: it is unknown,
 * as it will say, or has no letters. */
static bool person_agrees(const struct arguments *arguments, const struct letter_count *count) {
    char answer[16] = "";
    if (argument_value(arguments, "yes") != NULL || !count->found)
        return true;
    fprintf(stderr, "%s the %lld dead letter%s", arguments->command->name, (long long)count->dead,
            words_plural(count->dead));
    if (count->parked && count->open > 0)
        fprintf(stderr, " and %lld open deliver%s", (long long)count->open, count->open == 1 ? "y" : "ies");
    fprintf(stderr, " of %s? They will never be delivered [y/N] ", count->plugin);
    return fgets(answer, sizeof answer, stdin) != NULL && (answer[0] == 'y' || answer[0] == 'Y');
}

static void all_tell(const struct letters *letters, const struct batch *batch, const char *plugin) {
    printf("%s: %lld %s", plugin, (long long)batch->changed, letters->done);
    if (batch->skipped > 0)
        printf("; %lld had changed meanwhile and were left alone", (long long)batch->skipped);
    printf("\n");
    fflush(stdout); /* before what stderr says about it */
}

static int letters_all(const struct letters *letters, const struct arguments *arguments, struct control *control,
                       struct fault *fault) {
    const char *plugin = argument_value(arguments, "plugin");
    struct letter_count count = { .plugin = plugin };
    struct buffer members = { 0 };
    int code = EXIT_DONE;
    if (!letters_count(control, &count, fault))
        return control_exit_code(control);
    if (letters->confirm && !person_agrees(arguments, &count)) {
        fault_set(fault, "nothing was done");
        return EXIT_FAILED;
    }
    question_text(&members, "plugin", plugin);
    buffer_append_text(&members, ",\"all\":true");
    struct batch batch = { .path = letters->path,
                           .members = buffer_text(&members),
                           .done = letters->done,
                           .expected = count.found && !count.parked ? count.dead : -1 };
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

static int letters_check(const struct letters *letters, const struct arguments *arguments, struct target *target) {
    struct fault fault = { .text = "" };
    const char *plugin = argument_value(arguments, "plugin");
    bool all = argument_value(arguments, "all") != NULL;
    if (plugin == NULL || plugin[0] == '\0' || !text_is_utf8(plugin))
        return command_misused(arguments->command, "say with --plugin whose deliveries are meant");
    if (all == (arguments->word != NULL))
        return command_misused(arguments->command, "say which: one event as SOURCE/ID, or --all");
    if (!all && !target_read(target, arguments->word, &fault))
        return command_misused(arguments->command, "%s", fault.text);
    if (all && letters->confirm && argument_value(arguments, "yes") == NULL &&
        !(isatty(STDIN_FILENO) && isatty(STDERR_FILENO)))
        return command_misused(arguments->command,
                               "nobody can be asked here whether that is meant: confirm with --yes");
    return EXIT_DONE;
}

int letters_run(const struct letters *letters, const struct arguments *arguments) {
    struct target target = { .id = "" };
    struct fault fault = { .text = "" };
    int code = letters_check(letters, arguments, &target);
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
