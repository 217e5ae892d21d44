/* Matching the paths of settings with the names of rows, word by word. */
#include "config/settings_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "grapnel/plugin.h"

static size_t word_length(const char *path) {
    return strcspn(path, "/");
}

static bool word_is_star(const char *word) {
    return word[0] == '*' && word_length(word) == 1;
}

/* The rest of the row's name behind the part that the path matches ("" when it matches all of it), or null. The empty path matches
 * nothing, and leaves all. `stars` counts those that were needed, `last_star` tells if the path's last word needed one. */
static const char *name_match(const char *name, const char *path, int *stars, bool *last_star) {
    *stars = 0;
    *last_star = false;
    while (*path) {
        size_t length = word_length(path);
        *last_star = word_is_star(name);
        if (!*last_star && (word_length(name) != length || memcmp(name, path, length) != 0))
            return NULL;
        *stars += *last_star;
        path += length + (path[length] == '/');
        name += word_length(name);
        if (*name == '\0')
            return *path ? NULL : name;
        name++;
    }
    return name;
}

bool setting_row_check(const struct setting_row *row, char *wrong, size_t size) {
    bool good = row->name && row->name[0] && row->kind >= GRAPNEL_TEXT && row->kind <= GRAPNEL_SECRET;
    const char *word = good ? row->name : "";
    while (good && *word) {
        size_t length = word_length(word);
        good = length > 0 && (word_is_star(word) || !memchr(word, '*', length));
        word += length;
        if (*word == '/')
            good = good && *++word; /* none at the end */
    }
    if (!good)
        snprintf(wrong, size, "\"%.200s\" of kind %d is no setting", row->name ? row->name : "", row->kind);
    return good;
}

const struct setting_row *setting_row_at(const struct setting_table *table, const char *path) {
    const struct setting_row *best = NULL;
    int stars, fewest = 0;
    bool last_star;
    for (int i = 0; i < table->count; i++) {
        const char *rest = name_match(table->rows[i].name, path, &stars, &last_star);
        if (rest && !*rest && (!best || stars < fewest)) {
            best = &table->rows[i];
            fewest = stars;
        }
    }
    return best;
}

bool setting_table_below(const struct setting_table *table, const char *path, bool *list) {
    bool below = false, star;
    int stars;
    if (list)
        *list = false;
    for (int i = 0; i < table->count; i++) {
        const char *rest = name_match(table->rows[i].name, path, &stars, &star);
        if (!rest || !*rest)
            continue;
        below = true;
        if (list && strcmp(rest, "*") == 0)
            *list = true;
    }
    return below;
}

const char *setting_row_rest(const char *name, const char *path) {
    int stars;
    bool last_star;
    const char *rest = name_match(name, path, &stars, &last_star);
    return rest && *rest && !strchr(rest, '*') && (last_star || !*path) ? rest : NULL;
}

const char **setting_table_words(const struct setting_table *table, const char *path, struct arena *arena) {
    const char **words = arena_allocate(arena, ((size_t)table->count + 1) * sizeof *words);
    int count = 0, stars;
    bool star;
    for (int i = 0; words && i < table->count; i++) {
        const char *rest = name_match(table->rows[i].name, path, &stars, &star);
        char *word = rest && *rest && !word_is_star(rest) ? arena_copy(arena, rest, word_length(rest)) : NULL;
        bool known = !word;
        for (int j = 0; !known && j < count; j++)
            known = strcmp(words[j], word) == 0;
        if (!known)
            words[count++] = word;
    }
    return words;
}

void setting_path_append(struct buffer *path, const char *key) {
    for (; *key; key++) {
        if (*key == '~' || *key == '/')
            buffer_append_text(path, *key == '~' ? "~0" : "~1");
        else
            buffer_append(path, key, 1);
    }
}

void setting_table_free(struct setting_table *table) {
    for (int i = 0; i < table->count; i++) {
        free(table->rows[i].name);
        free(table->rows[i].fallback);
        free(table->rows[i].help);
    }
    free(table->rows);
    *table = (struct setting_table){ 0 };
}
