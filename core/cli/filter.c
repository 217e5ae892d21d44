#include "cli/filter.h"

#include <string.h>

#include "base/clock.h"
#include "base/units.h"
#include "cli/answer.h"
#include "cli/control.h"
#include "cli/target.h"
#include "store/store.h"

static const char *const filters[] = { "source", "type", "state", "since" };
enum { FILTERS = sizeof filters / sizeof *filters };

static int state_check(const struct arguments *arguments, const char *state) {
    const char *names[STORE_STATES + 1] = { 0 };
    for (int i = 0; i < STORE_STATES; i++) {
        names[i] = store_state_text((enum store_state)i);
        if (strcmp(names[i], state) == 0)
            return EXIT_DONE;
    }
    const char *near = nearest_name(state, names);
    return command_misused(arguments->command,
                           "--state is pending, retrying, dead, done, discarded or unrouted, not \"%s\"%s%s%s", state,
                           near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

int filter_check(const struct arguments *arguments) {
    const char *state = argument_value(arguments, "state");
    for (int i = 0; i < FILTERS; i++) {
        const char *value = argument_value(arguments, filters[i]);
        if (value != NULL && (value[0] == '\0' || !text_is_utf8(value)))
            return command_misused(arguments->command, "--%s can't be \"%s\"", filters[i], value);
    }
    return state != NULL ? state_check(arguments, state) : EXIT_DONE;
}

bool filter_is_given(const struct arguments *arguments) {
    for (int i = 0; i < FILTERS; i++) {
        if (argument_value(arguments, filters[i]) != NULL)
            return true;
    }
    return false;
}

void filter_words(const struct arguments *arguments, struct buffer *words) {
    bool first = true;
    for (int i = 0; i < FILTERS; i++) {
        const char *value = argument_value(arguments, filters[i]);
        if (value == NULL)
            continue;
        buffer_format(words, "%s%s %s", first ? "" : ", ", filters[i], value);
        first = false;
    }
}

void filter_parameters(const struct arguments *arguments, struct buffer *path) {
    for (int i = 0; i < FILTERS; i++)
        control_parameter(path, filters[i], argument_value(arguments, filters[i]));
}

/* "2h" ago, seen from now: a question that is asked in batches means the same time in each of them. */
static const char *since_fix(const char *since, char time[CLOCK_TEXT_SIZE]) {
    int64_t span_ms, now_ms = clock_wall_ms();
    if (integer_parse(since, &span_ms) || !duration_parse(since, &span_ms))
        return since;
    clock_format(span_ms < now_ms ? now_ms - span_ms : 0, time);
    return time;
}

void filter_members(const struct arguments *arguments, bool goes_on, struct buffer *members) {
    char time[CLOCK_TEXT_SIZE];
    for (int i = 0; i < FILTERS; i++) {
        const char *value = argument_value(arguments, filters[i]);
        if (value != NULL && strcmp(filters[i], "since") == 0)
            value = goes_on ? "0" : since_fix(value, time);
        question_text(members, filters[i], value);
    }
}
