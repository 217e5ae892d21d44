/* Walks over the statement token by token, as far as it takes to know what is text, comment or name and what is not. */
#include "sql_shape.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "database.h"

static bool is_name_start(char c) {
    return isalpha((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

static bool is_name_part(char c) {
    return is_name_start(c) || isdigit((unsigned char)c) || c == '$';
}

/* Behind the closing quote, or null if there is none. A doubled quote stands for itself; in E'…' a backslash covers what follows. */
static const char *skip_quoted(const char *at, bool backslash) {
    char quote = *at++;
    for (; *at; at++) {
        if ((backslash && *at == '\\' && at[1]) || (*at == quote && at[1] == quote))
            at++;
        else if (*at == quote)
            return at + 1;
    }
    return NULL;
}

/* PostgreSQL's comments nest. */
static const char *skip_comment(const char *at) {
    int depth = 0;
    for (; *at; at++) {
        if (at[0] == '/' && at[1] == '*') {
            depth++;
            at++;
        } else if (at[0] == '*' && at[1] == '/') {
            at++;
            if (--depth == 0)
                return at + 1;
        }
    }
    return NULL;
}

static const char *skip_space(const char *at) {
    while (at && *at) {
        if (at[0] == '-' && at[1] == '-')
            at += strcspn(at, "\n");
        else if (at[0] == '/' && at[1] == '*')
            at = skip_comment(at);
        else if (isspace((unsigned char)*at))
            at++;
        else
            break;
    }
    return at;
}

/* $tag$ … $tag$ of PostgreSQL: behind it, or null. */
static const char *skip_dollar_quoted(const char *at) {
    const char *tag_end = at + 1;
    while (is_name_part(*tag_end) && *tag_end != '$')
        tag_end++;
    size_t length = (size_t)(tag_end - at) + 1;
    if (*tag_end != '$')
        return NULL;
    for (const char *close = strchr(tag_end + 1, '$'); close; close = strchr(close + 1, '$')) {
        if (strncmp(close, at, length) == 0)
            return close + length;
    }
    return NULL;
}

static const char *read_parameter(const char **at, struct sql_shape *shape) {
    int number = 0;
    for ((*at)++; isdigit((unsigned char)**at); (*at)++)
        number = number > DATABASE_VALUES ? number : number * 10 + (**at - '0');
    if (number < 1 || number > DATABASE_VALUES)
        return "has a parameter that is not one of $1 to $32";
    shape->parameters |= UINT32_C(1) << (number - 1);
    if (number > shape->highest)
        shape->highest = number;
    return NULL;
}

/* One token, which is not white space. */
static const char *read_token(const char **at, struct sql_shape *shape) {
    char c = **at;
    if (c == '$' && isdigit((unsigned char)(*at)[1]))
        return read_parameter(at, shape);
    bool escapes = (c == 'E' || c == 'e') && (*at)[1] == '\'';
    const char *end = *at + 1;
    if (c == '$')
        end = skip_dollar_quoted(*at);
    else if (c == '\'' || c == '"' || c == '`' || escapes)
        end = skip_quoted(*at + escapes, escapes);
    else if (is_name_start(c))
        while (is_name_part(*end))
            end++;
    if (!end)
        return c == '$' ? "has a parameter that is not one of $1 to $32" : "has a quote that is not closed";
    *at = end;
    return NULL;
}

/* Our transaction holds more than this statement, and COPY talks over the connection. */
static bool word_forbidden(const char *at) {
    static const char *const words[] = { "abort",   "attach",  "begin",  "commit", "copy",     "detach",    "end",
                                         "prepare", "release", "pragma", "start",  "rollback", "savepoint", "vacuum" };
    size_t length = 0;
    while (is_name_part(at[length]))
        length++;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strlen(words[i]) == length && strncasecmp(words[i], at, length) == 0)
            return true;
    }
    return false;
}

const char *sql_shape_read(const char *sql, struct sql_shape *shape) {
    *shape = (struct sql_shape){ 0 };
    const char *at = skip_space(sql);
    if (at && (!*at || *at == ';'))
        return "is empty";
    if (at && word_forbidden(at))
        return "begins with a word that can't be used here: it would leave the transaction that it is a part of";
    while (at && *at && *at != ';') {
        const char *wrong = read_token(&at, shape);
        if (wrong)
            return wrong;
        at = skip_space(at);
    }
    if (at && *at == ';')
        at = skip_space(at + 1);
    if (!at)
        return "has a comment that is not closed";
    return *at ? "is more than one statement: make `sql` a list of them" : NULL;
}
