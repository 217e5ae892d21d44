#include "cli/store_work.h"

#include <stdlib.h>

#include "cli/words.h"
#include "config/setup.h"

static bool step_tell(void *context, int64_t done_bytes, int64_t all_bytes) {
    struct store_work *work = context;
    char done[WORDS_SIZE], all[WORDS_SIZE];
    work->bytes = all_bytes;
    progress_tell(&work->progress, "%s of %s %s", words_size(done_bytes, done), words_size(all_bytes, all), work->verb);
    return progress_interrupted(&work->progress) == 0;
}

bool store_work_begin(struct store_work *work, const struct arguments *arguments, const char *verb) {
    const char *config = argument_value(arguments, "config");
    *work = (struct store_work){ .verb = verb, .watch = { .context = work, .step = step_tell } };
    if (setup_default_is_there(config, &work->fault))
        work->state = setup_read_state(setup_default_path(config), &work->fault);
    if (work->state == NULL) {
        fprintf(stderr, "grapnel %s: %s\n", arguments->command->name, work->fault.text);
        return false;
    }
    work->progress = progress_begin(arguments->command->name);
    return true;
}

int store_work_end(struct store_work *work, bool done) {
    int interrupted = done ? 0 : progress_interrupted(&work->progress);
    if (!done)
        fprintf(stderr, "grapnel %s: %s\n", work->progress.command,
                interrupted ? "interrupted; nothing was changed" : work->fault.text);
    free(work->state);
    return done ? EXIT_DONE : interrupted ? interrupted : EXIT_FAILED;
}
