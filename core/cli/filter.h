/* Which events are meant: the options that `events` and `replay` have in common. */
#ifndef CLI_FILTER_H
#define CLI_FILTER_H

#include "base/bytes.h"
#include "cli/command.h"

/* clang-format off */
#define FILTER_OPTIONS                                                                                           \
    { "source", 's', "NAME", "those of this source" },                                                           \
    { "type", 't', "PATTERN", "those of this type; * stands for any characters, as in routes" },                 \
    { "state", 'S', "STATE", "those that are pending, retrying, dead, done, discarded or unrouted" },            \
    { "since", 0, "TIME", "those received then or later: 2h (ago), 2026-01-31T12:00:00Z, or unix seconds" }
/* clang-format on */

/* EXIT_DONE if the values can be right, else the exit code after the reason was printed. */
int filter_check(const struct arguments *arguments);
bool filter_is_given(const struct arguments *arguments);
/* Appends it in words: source shop, since 2h. */
void filter_words(const struct arguments *arguments, struct buffer *words);
/* Adds what was given to a path's query. */
void filter_parameters(const struct arguments *arguments, struct buffer *path);
/* Adds it to the members of a JSON object, for work in order of time. `goes_on`: from where an earlier call left off, so that --since, which
 * may say "2h" and meant another time then, is over. */
void filter_members(const struct arguments *arguments, bool goes_on, struct buffer *members);

#endif
