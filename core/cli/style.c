#include "cli/style.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool style_wanted(FILE *stream) {
    const char *no = getenv("NO_COLOR"), *terminal = getenv("TERM");
    return !(no && no[0]) && terminal && terminal[0] && strcmp(terminal, "dumb") != 0 && isatty(fileno(stream));
}

const char *style_begin(enum style style) {
    static const char *const codes[] = {
        [STYLE_NONE] = "", [STYLE_BAD] = "\x1b[31m", [STYLE_WARN] = "\x1b[33m", [STYLE_TITLE] = "\x1b[1m"
    };
    return codes[style];
}

const char *style_end(enum style style) {
    return style == STYLE_NONE ? "" : "\x1b[0m";
}

enum style style_of_state(struct bytes state) {
    static const struct {
        const char *state;
        enum style style;
    } rows[] = {
        { "dead", STYLE_BAD },      { "open", STYLE_BAD },      { "refusing", STYLE_BAD },
        { "retrying", STYLE_WARN }, { "probing", STYLE_WARN },  { "slow start", STYLE_WARN },
        { "parked", STYLE_WARN },   { "stopping", STYLE_WARN }, { "unrouted", STYLE_WARN },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (bytes_equal_text(state, rows[i].state))
            return rows[i].style;
    }
    return STYLE_NONE;
}
