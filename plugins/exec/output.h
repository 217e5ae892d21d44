/* What a command prints: line by line to Grapnel's log, as much as the setting `output` allows. */
#ifndef EXEC_OUTPUT_H
#define EXEC_OUTPUT_H

#include <grapnel/plugin.h>

enum {
    OUTPUT_LINE_SIZE = 2000, /* longer ones go on in another line of the log */
    OUTPUT_LAST_SIZE = 300,
    OUTPUT_LINES = 500 /* of one event, however short: the log takes 1000 in ten seconds of all that a plugin says */
};

/* Zero-initialise, with `call` and `limit`. */
struct output {
    struct grapnel_call *call;
    int64_t limit;  /* bytes that are logged */
    int64_t logged; /* bytes */
    int lines;
    int64_t left_out; /* bytes */
    size_t length;
    char line[OUTPUT_LINE_SIZE + 1];
    char last[OUTPUT_LAST_SIZE + 1]; /* the start of the last line that is not blank: it often says what went wrong */
};

void output_take(struct output *output, const char *data, size_t length);
/* The last line, if it had no newline, and how much was left out. */
void output_end(struct output *output);

#endif
