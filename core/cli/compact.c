/* grapnel compact: the store's file without the room that deleted events left. */
#include <stdio.h>

#include "cli/cli.h"
#include "cli/store_work.h"
#include "cli/words.h"

const struct command_option compact_options[] = { COMMAND_OPTION_CONFIG, { 0 } };

int compact_run(const struct arguments *arguments) {
    struct store_work work;
    int64_t saved = 0;
    char size[WORDS_SIZE];
    if (!store_work_begin(&work, arguments, "written"))
        return EXIT_FAILED;
    bool done = store_compact(work.state, &work.watch, &saved, &work.fault);
    progress_clear(&work.progress);
    if (done && saved > 0)
        printf("%s is smaller by %s\n", work.state, words_size(saved, size));
    else if (done)
        printf("%s had nothing to give back\n", work.state);
    return store_work_end(&work, done);
}
