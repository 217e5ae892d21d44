/* grapnel backup: a copy of the store, whether or not a daemon works with it. */
#include <stdio.h>

#include "cli/cli.h"
#include "cli/store_work.h"
#include "cli/words.h"

const struct command_option backup_options[] = { COMMAND_OPTION_CONFIG, { 0 } };

int backup_run(const struct arguments *arguments) {
    struct store_work work;
    char size[WORDS_SIZE];
    if (arguments->word == NULL || arguments->word[0] == '\0')
        return command_misused(arguments->command, "say which FILE is to be the copy");
    if (!store_work_begin(&work, arguments, "copied"))
        return EXIT_FAILED;
    bool done = store_backup(work.state, arguments->word, &work.watch, &work.fault);
    progress_clear(&work.progress);
    if (done)
        printf("%s: %s, checked\n", arguments->word, words_size(work.bytes, size));
    return store_work_end(&work, done);
}
