/* Durations, sizes, counts and near misses: how people write values in a config file. */
#include "base/units.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

struct unit {
    const char *name;
    int64_t factor;
};

/* Largest first, so that formatting takes the first that divides. */
static const struct unit duration_units[] = {
    { "d", 86400000 }, { "h", 3600000 }, { "m", 60000 }, { "s", 1000 }, { "ms", 1 },
};
static const struct unit size_units[] = {
    { "TiB", (int64_t)1 << 40 },
    { "GiB", (int64_t)1 << 30 },
    { "MiB", (int64_t)1 << 20 },
    { "KiB", (int64_t)1 << 10 },
    { "B", 1 },
};
enum {
    DURATION_UNITS = sizeof duration_units / sizeof *duration_units,
    SIZE_UNITS = sizeof size_units / sizeof *size_units
};

static const struct unit *unit_named(const struct unit *units, int count, const char *name) {
    for (int i = 0; i < count; i++) {
        if (strcmp(units[i].name, name) == 0)
            return &units[i];
    }
    return NULL;
}

/* Reads digits at *text and moves it behind them; false if there is none or the number does not fit. */
static bool digits_read(const char **text, int64_t *value, int *count) {
    const char *start = *text;
    *value = 0;
    for (; **text >= '0' && **text <= '9'; (*text)++) {
        if (__builtin_mul_overflow(*value, 10, value) || __builtin_add_overflow(*value, **text - '0', value))
            return false;
    }
    *count = (int)(*text - start);
    return *text > start;
}

bool duration_parse(const char *text, int64_t *ms) {
    int64_t whole, fraction = 0, scale = 1;
    int count;
    if (strcmp(text, "0") == 0) {
        *ms = 0;
        return true;
    }
    if (!digits_read(&text, &whole, &count))
        return false;
    if (*text == '.') {
        text++;
        if (!digits_read(&text, &fraction, &count) || count > 9)
            return false;
        while (count-- > 0)
            scale *= 10;
    }
    const struct unit *unit = unit_named(duration_units, DURATION_UNITS, text);
    /* A fraction of a millisecond is no duration here: it would be rounded in silence. */
    if (!unit || fraction * unit->factor % scale != 0)
        return false;
    int64_t result;
    if (__builtin_mul_overflow(whole, unit->factor, &result) ||
        __builtin_add_overflow(result, fraction * unit->factor / scale, &result))
        return false;
    *ms = result;
    return true;
}

bool size_parse(const char *text, int64_t *bytes) {
    int64_t whole, result;
    int count;
    if (!digits_read(&text, &whole, &count))
        return false;
    const struct unit *unit = unit_named(size_units, SIZE_UNITS, *text ? text : "B");
    if (!unit || __builtin_mul_overflow(whole, unit->factor, &result))
        return false;
    *bytes = result;
    return true;
}

bool integer_parse(const char *text, int64_t *value) {
    bool negative = *text == '-';
    int64_t result = 0;
    if (negative)
        text++;
    if (!*text)
        return false;
    for (; *text; text++) {
        int digit = *text - '0';
        if (digit < 0 || digit > 9 || __builtin_mul_overflow(result, 10, &result) ||
            __builtin_add_overflow(result, negative ? -digit : digit, &result))
            return false;
    }
    *value = result;
    return true;
}

bool boolean_parse(const char *text, bool *value) {
    bool yes = strcmp(text, "true") == 0;
    if (!yes && strcmp(text, "false") != 0)
        return false;
    *value = yes;
    return true;
}

static void format_with(const struct unit *units, int count, int64_t value, const char *zero,
                        char text[UNITS_TEXT_SIZE]) {
    if (value == 0) {
        snprintf(text, UNITS_TEXT_SIZE, "%s", zero);
        return;
    }
    int i = 0;
    while (i < count - 1 && value % units[i].factor != 0)
        i++;
    snprintf(text, UNITS_TEXT_SIZE, "%lld%s", (long long)(value / units[i].factor), units[i].name);
}

void duration_format(int64_t ms, char text[UNITS_TEXT_SIZE]) {
    format_with(duration_units, DURATION_UNITS, ms, "0s", text);
}

void size_format(int64_t bytes, char text[UNITS_TEXT_SIZE]) {
    format_with(size_units, SIZE_UNITS, bytes, "0B", text);
}

enum { NAME_LIMIT = 64 };

static int smaller(int a, int b) {
    return a < b ? a : b;
}

/* Insertions, deletions, replacements, and swaps of neighbours, each counting one. Both texts are shorter than NAME_LIMIT. */
static int edit_distance(const char *a, const char *b) {
    int rows[3][NAME_LIMIT];
    int *before = rows[0], *last = rows[1], *row = rows[2];
    int length_a = (int)strlen(a), length_b = (int)strlen(b);
    for (int j = 0; j <= length_b; j++)
        row[j] = j;
    for (int i = 1; i <= length_a; i++) {
        int *free_row = before;
        before = last;
        last = row;
        row = free_row;
        row[0] = i;
        for (int j = 1; j <= length_b; j++) {
            row[j] = smaller(smaller(last[j], row[j - 1]) + 1, last[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = smaller(row[j], before[j - 2] + 1);
        }
    }
    return row[length_b];
}

const char *nearest_name(const char *text, const char *const *names) {
    const char *nearest = NULL;
    int nearest_distance = NAME_LIMIT;
    int length = (int)strnlen(text, NAME_LIMIT);
    if (length == NAME_LIMIT)
        return NULL;
    for (; *names; names++) {
        int name_length = (int)strnlen(*names, NAME_LIMIT);
        if (name_length == NAME_LIMIT)
            continue;
        /* One mistake in three letters, three at most: beyond that a suggestion misleads more often than it helps. */
        int allowed = smaller(3, (smaller(length, name_length) + 1) / 3);
        int distance = edit_distance(text, *names);
        if (distance <= allowed && distance < nearest_distance) {
            nearest = *names;
            nearest_distance = distance;
        }
    }
    return nearest;
}
