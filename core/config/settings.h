/* A plugin's settings: the tree from the config file, checked against the table that the plugin brought, as a flat list. */
#ifndef CONFIG_SETTINGS_H
#define CONFIG_SETTINGS_H

#include <stdint.h>

#include "base/fault.h"
#include "config/setup.h"

/* One row of the plugin's table, as told by its host process (kind is enum grapnel_kind of the sdk). Names are paths: "smtp_url",
 * "command/" + "*" for a list of texts, "templates/" + "*" for a map, "templates/" + "*" + "/subject" for a map of maps. */
struct setting_row {
    char *name;
    int kind;
    /* As it would stand in the config; "": optional, empty; null: required. Of a name with a star that holds in each entry that exists. */
    char *fallback;
    char *help;
};

struct setting_table {
    struct setting_row *rows;
    int count;
};

/* One value: its full path ("templates/payment.succeeded/subject", list members "command/0"; a "~1" in a path stands for a slash in a
 * key and "~0" for a tilde, as in JSON Pointer), its text, and its number for INTEGER, BOOLEAN (0/1), DURATION (ms), SIZE (bytes). */
struct setting_value {
    char *path;
    int kind;
    char *text;
    int64_t number;
};

struct settings {
    /* In the order of the file; what an entry lacks stands behind it, fallbacks of rows without a star last. */
    struct setting_value *values;
    int count;
};

/* Null when there is a mistake; all of them with their places are in `mistakes`. `{ file: … }` and `{ env: … }` are resolved here. */
struct settings *settings_check(const struct setup *setup, const struct setup_plugin *plugin,
                                const struct setting_table *table, struct fault_list *mistakes);
/* The same for `key=value` arguments of `grapnel plugin try` comes later. */
void settings_free(struct settings *settings); /* wipes secrets */
void setting_table_free(struct setting_table *table);

#endif
