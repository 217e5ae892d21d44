#include "cli/progress.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "cli/table.h"

enum { TERMINAL_EVERY_MS = 200, LINES_AFTER_MS = 1000, LINES_EVERY_MS = 5000, LINE_SIZE = 512, EXIT_SIGNAL = 128 };

static const int ending[] = { SIGINT, SIGTERM };
enum { ENDING = sizeof ending / sizeof *ending };

struct progress progress_begin(const char *command) {
    struct progress progress = { .command = command, .terminal = isatty(STDERR_FILENO) };
    progress.next_ms = clock_monotonic_ms() + (progress.terminal ? TERMINAL_EVERY_MS : LINES_AFTER_MS);
    sigemptyset(&progress.asked);
    for (int i = 0; i < ENDING; i++) {
        struct sigaction action;
        if (sigaction(ending[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
            sigaddset(&progress.asked, ending[i]);
    }
    sigprocmask(SIG_BLOCK, &progress.asked, NULL);
    return progress;
}

int progress_interrupted(const struct progress *progress) {
    sigset_t pending;
    sigpending(&pending);
    for (int i = 0; i < ENDING; i++) {
        if (sigismember(&pending, ending[i]) == 1 && sigismember(&progress->asked, ending[i]) == 1)
            return EXIT_SIGNAL + ending[i];
    }
    return 0;
}

void progress_tell(struct progress *progress, const char *format, ...) {
    char line[LINE_SIZE];
    int64_t now = clock_monotonic_ms();
    va_list list;
    if (now < progress->next_ms)
        return;
    va_start(list, format);
    vsnprintf(line, sizeof line, format, list);
    va_end(list);
    if (progress->terminal) {
        /* A longer line would not go back to its beginning. */
        size_t width = table_terminal_width(stderr), most = width > 1 ? width - 1 : sizeof line;
        struct bytes shown = bytes_cut(bytes_of(line), most);
        fprintf(stderr, "\r%.*s\x1b[K", (int)shown.length, shown.data);
        progress->shown = true;
    } else {
        fprintf(stderr, "grapnel %s: %s\n", progress->command, line);
    }
    progress->next_ms = now + (progress->terminal ? TERMINAL_EVERY_MS : LINES_EVERY_MS);
}

void progress_clear(struct progress *progress) {
    if (progress->shown)
        fprintf(stderr, "\r\x1b[K");
    progress->shown = false;
}
