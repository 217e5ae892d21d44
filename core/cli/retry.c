/* grapnel retry: dead letters are delivered again, with fresh attempts. */
#include "cli/cli.h"
#include "cli/letters.h"

const struct command_option retry_options[] = {
    COMMAND_OPTION_CONFIG,
    { "plugin", 'p', "NAME", "whose dead letters (required)" },
    { "all", 'a', NULL, "all that it has now" },
    { 0 },
};

int retry_run(const struct arguments *arguments) {
    static const struct letters retried = { .path = "/api/retry",
                                            .done = "put back, with fresh attempts",
                                            .one_done = "is delivered again, with fresh attempts" };
    return letters_run(&retried, arguments);
}
