#include "cli/confirm.h"

#include <unistd.h>

#include "cli/print.h"

bool confirm_wanted(const struct arguments *arguments) {
    return argument_value(arguments, "yes") == NULL && isatty(STDIN_FILENO);
}

bool confirm_ask(const char *question) {
    char answer[16] = "";
    struct buffer shown = { 0 };
    /* A question that went into a file would look as if the command hung. */
    FILE *terminal = isatty(STDERR_FILENO) ? NULL : fopen("/dev/tty", "we"), *stream = terminal ? terminal : stderr;
    text_escape(bytes_of(question), &shown);
    fprintf(stream, "%s? [y/N] ", buffer_text(&shown));
    fflush(stream);
    bool agreed = fgets(answer, sizeof answer, stdin) != NULL && (answer[0] == 'y' || answer[0] == 'Y');
    if (terminal != NULL)
        fclose(terminal);
    buffer_free(&shown);
    return agreed;
}
