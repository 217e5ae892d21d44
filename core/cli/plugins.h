/* How the plugins are doing, as the daemon's status tells, for the commands that must know before they do or say something. */
#ifndef CLI_PLUGINS_H
#define CLI_PLUGINS_H

#include "cli/answer.h"
#include "cli/control.h"

/* Zero-initialise, read, free. */
struct plugins {
    struct buffer answer;
    struct json status; /* of that */
};
bool plugins_read(struct plugins *plugins, struct control *control, struct fault *fault);
void plugins_free(struct plugins *plugins);

struct plugin_counts {
    bool found, parked;
    int64_t dead, open;
};
/* Not found: the daemon never knew a plugin of that name, or none that has anything. */
struct plugin_counts plugins_count(const struct plugins *plugins, struct bytes name);

/* Appends why what is open at a plugin of the config has to wait: "breaker open, probe in 23s: …"; nothing where it does not. */
void plugins_wait_words(const struct plugins *plugins, struct bytes name, struct buffer *words);

/* "email, logging and orders": those that the config has. */
void plugins_names(const struct plugins *plugins, struct buffer *names);
/* Appends one more name to such a list; `last`: no other follows. */
void plugins_name_append(struct buffer *names, struct bytes name, bool last);

#endif
