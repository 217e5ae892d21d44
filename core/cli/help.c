/* grapnel help [COMMAND] */
#include "cli/cli.h"

int help_run(const struct arguments *arguments) {
    if (!arguments->word) {
        command_print_all(arguments->commands, stdout);
        return EXIT_DONE;
    }
    const struct command *command = command_find(arguments->commands, arguments->word);
    if (!command) {
        fprintf(stderr, "grapnel help: there is no command \"%s\"; see `grapnel help`\n", arguments->word);
        return EXIT_USAGE;
    }
    command_print(command, stdout);
    return EXIT_DONE;
}
