/* grapnel discard: dead letters are dropped, and what is open of a plugin that the config has no more. */
#include "cli/cli.h"
#include "cli/confirm.h"
#include "cli/letters.h"

const struct command_option discard_options[] = {
    COMMAND_OPTION_CONFIG,
    { "plugin", 'p', "NAME", "whose dead letters (required)" },
    { "all", 'a', NULL, "all that it has now; on a terminal it asks first" },
    CONFIRM_OPTION,
    { 0 },
};

int discard_run(const struct arguments *arguments) {
    static const struct letters discarded = {
        .path = "/api/discard", .done = "discarded", .one_done = "is discarded", .confirm = true
    };
    return letters_run(&discarded, arguments);
}
