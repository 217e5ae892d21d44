/* Typed values: what a key's text means, and whether that is in its range. */
#include "config/reader.h"

#include <stdio.h>
#include <string.h>

#include "base/units.h"

struct value {
    int64_t number;
    double fraction; /* of KEY_FACTOR and KEY_PERCENT */
};

/* What a text of the type looks like, for who wrote something else. */
static const char *const expectations[] = {
    [KEY_TEXT] = "a text",
    [KEY_PATH] = "a path",
    [KEY_INTEGER] = "a whole number",
    [KEY_BOOLEAN] = "true or false",
    [KEY_DURATION] = "a duration like 500ms, 10s, 5m, 6h or 30d",
    [KEY_SIZE] = "a size like 512, 64KiB or 1MiB",
    [KEY_FACTOR] = "a number like 2 or 1.5",
    [KEY_PERCENT] = "a percentage like 20%",
    [KEY_CHOICE] = "a word",
};

const char *value_expectation(const struct key *key) {
    return expectations[key->type];
}

/* Digits, and perhaps a point and more digits, up to `end`. strtod would take more, and look at the locale. */
static bool decimal_parse(const char *text, const char *end, double *value) {
    double scale = 0;
    int digits = 0;
    *value = 0;
    for (; text < end; text++) {
        if (*text == '.' && scale == 0 && digits > 0 && text + 1 < end) {
            scale = 1;
            continue;
        }
        if (*text < '0' || *text > '9' || ++digits > 15)
            return false;
        *value = *value * 10 + (*text - '0');
        scale *= 10;
    }
    if (scale > 1)
        *value /= scale;
    return digits > 0;
}

static bool choice_parse(const char *const *choices, const char *text, int64_t *number) {
    for (int i = 0; choices[i]; i++) {
        if (strcmp(choices[i], text) == 0) {
            *number = i;
            return true;
        }
    }
    return false;
}

static bool value_parse(const struct key *key, const char *text, struct value *value) {
    size_t length = strlen(text);
    bool yes;
    switch (key->type) {
    case KEY_INTEGER:
        return integer_parse(text, &value->number);
    case KEY_DURATION:
        return duration_parse(text, &value->number);
    case KEY_SIZE:
        return size_parse(text, &value->number);
    case KEY_BOOLEAN:
        if (!boolean_parse(text, &yes))
            return false;
        value->number = yes;
        return true;
    case KEY_FACTOR:
        return decimal_parse(text, text + length, &value->fraction);
    case KEY_PERCENT:
        if (length < 2 || text[length - 1] != '%' || !decimal_parse(text, text + length - 1, &value->fraction))
            return false;
        value->fraction /= 100;
        return true;
    case KEY_CHOICE:
        return choice_parse(key->choices, text, &value->number);
    default:
        return length > 0;
    }
}

/* -1, 0 or 1: where the value lies, seen from its range. */
static int value_beyond(const struct key *key, const struct value *value) {
    struct value bound = { 0 };
    if (key->minimum && value_parse(key, key->minimum, &bound) &&
        (value->number < bound.number || value->fraction < bound.fraction))
        return -1;
    if (key->maximum && value_parse(key, key->maximum, &bound) &&
        (value->number > bound.number || value->fraction > bound.fraction))
        return 1;
    return 0;
}

static bool value_expected(const struct key *key, const char *text, struct fault *fault) {
    if (key->type != KEY_CHOICE)
        return fault_set(fault, "\"%s\" must be %s, not \"%.80s\"", key->name, expectations[key->type], text);
    char hint[READER_NAMES_SIZE];
    reader_names(text, key->choices, "it must be one of", hint);
    return fault_set(fault, "\"%s\" can't be \"%.80s\"%s", key->name, text, hint);
}

bool value_store(const struct key *key, const char *text, void *target, struct fault *fault) {
    struct value value = { 0 };
    void *place = (char *)target + key->offset;
    if ((key->type == KEY_TEXT || key->type == KEY_PATH) && !text[0])
        return fault_set(fault, "\"%s\" is empty", key->name);
    if (!value_parse(key, text, &value))
        return value_expected(key, text, fault);
    if (value_beyond(key, &value) != 0)
        return fault_set(fault, "\"%s\" must be from %s to %s, not %.80s", key->name, key->minimum, key->maximum, text);
    switch (key->type) {
    case KEY_INTEGER:
    case KEY_DURATION:
    case KEY_SIZE:
        memcpy(place, &value.number, sizeof value.number);
        return true;
    case KEY_BOOLEAN:
        *(bool *)place = value.number != 0;
        return true;
    case KEY_CHOICE:
        *(int *)place = (int)value.number;
        return true;
    case KEY_FACTOR:
    case KEY_PERCENT:
        memcpy(place, &value.fraction, sizeof value.fraction);
        return true;
    default: /* texts are stored by read_keys, which owns them */
        return true;
    }
}
