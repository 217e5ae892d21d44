/* The rows of a plugin's table of settings, whose names are paths with stars. Internal to core/config. */
#ifndef CONFIG_SETTINGS_TABLE_H
#define CONFIG_SETTINGS_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "config/arena.h"
#include "config/settings.h"

/* Is the row usable? False with what is wrong with it. */
bool setting_row_check(const struct setting_row *row, char *wrong, size_t size);
/* The row of the value at that path, or null; a row that names a word itself goes before one with a star in its place. */
const struct setting_row *setting_row_at(const struct setting_table *table, const char *path);
/* Do values lie below that path? `list` (may be null): its members may be a list, as a row ends in the star that stands for them. */
bool setting_table_below(const struct setting_table *table, const char *path, bool *list);
/* If the row's last star (or its beginning, where it has none) is matched by the end of that path: what follows in the row's name. */
const char *setting_row_rest(const char *name, const char *path);
/* The words that may follow that path, as far as the rows name them, ended by null; null if memory is short. */
const char **setting_table_words(const struct setting_table *table, const char *path, struct arena *arena);
/* Appends a key as one word of a path: "~" as "~0", "/" as "~1". */
void setting_path_append(struct buffer *path, const char *key);

#endif
