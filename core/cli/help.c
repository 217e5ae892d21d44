/* grapnel help [COMMAND] */
#include "cli/cli.h"

int help_run(const struct arguments *arguments) {
    if (!arguments->word) {
        command_print_all(arguments->commands, stdout);
        return EXIT_DONE;
    }
    const struct command *command = command_find(arguments->commands, arguments->word, arguments->second_word);
    if (!command)
        return command_unknown(arguments->commands, arguments->word, arguments->second_word);
    command_print(command, stdout);
    return EXIT_DONE;
}
