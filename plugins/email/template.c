/* Reading a template. */
#include "template.h"

#include <stdlib.h>
#include <string.h>

#include "filter.h"

/* Where the reader is. `end` is that of the {{…}} being read, its }} left out. */
struct scanner {
    struct template *template;
    const char *at, *end;
    struct text *mistakes;
};

void template_place(const struct template *template, size_t place, struct text *out) {
    size_t line = 1, column = 1;
    for (const char *at = template->source; at < template->source + place; at++) {
        if (*at == '\n') {
            line++;
            column = 1;
        } else if (((unsigned char)*at & 0xc0) != 0x80) {
            column++; /* of characters, as editors count */
        }
    }
    text_format(out, "%s:%zu:%zu: ", template->label, line, column);
}

/* Begins a mistake at `place`; what is wrong is to be added. Always false. */
static bool mistake(struct scanner *scanner, const char *place, const char *what) {
    if (scanner->mistakes->length)
        text_add_string(scanner->mistakes, "; ");
    template_place(scanner->template, (size_t)(place - scanner->template->source), scanner->mistakes);
    text_add_string(scanner->mistakes, what);
    return false;
}

static bool is_blank(char byte) {
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static void blanks_skip(struct scanner *scanner) {
    while (scanner->at < scanner->end && is_blank(*scanner->at))
        scanner->at++;
}

/* A pointer or a name: up to a blank or |. */
static size_t word_length(const struct scanner *scanner) {
    const char *at = scanner->at;
    while (at < scanner->end && !is_blank(*at) && *at != '|' && *at != '"')
        at++;
    return (size_t)(at - scanner->at);
}

static char *copy(struct scanner *scanner, const char *text, size_t length) {
    char *copied = strndup(text, length);
    if (!copied)
        mistake(scanner, text, "memory is short");
    return copied;
}

/* The text between quotes; the scanner stands on the first one. */
static bool quoted_read(struct scanner *scanner, struct operand *operand) {
    const char *start = scanner->at++, *close = scanner->at;
    while (close < scanner->end && *close != '"')
        close += *close == '\\' && close + 1 < scanner->end ? 2 : 1;
    if (close >= scanner->end)
        return mistake(scanner, start, "a \" opens a text that no \" closes before the }}");
    operand->kind = OPERAND_TEXT;
    operand->text = copy(scanner, scanner->at, (size_t)(close - scanner->at));
    if (!operand->text)
        return false;
    char *out = operand->text;
    for (const char *at = operand->text; *at; at++) {
        if (*at == '\\' && at[1] != '"' && at[1] != '\\')
            return mistake(scanner, start, "in a text, a \\ must be followed by \" or \\");
        at += *at == '\\';
        *out++ = *at;
    }
    *out = '\0';
    scanner->at = close + 1;
    return true;
}

/* A JSON Pointer knows ~0 and ~1 only. */
static bool pointer_read(struct scanner *scanner, struct operand *operand, size_t length) {
    const char *end = scanner->at + length;
    for (const char *at = scanner->at; at < end; at++)
        if (*at == '~' && (at + 1 == end || (at[1] != '0' && at[1] != '1')))
            return mistake(scanner, at, "in a JSON Pointer, ~ must be followed by 0 (for ~) or 1 (for /)");
    operand->kind = OPERAND_POINTER;
    operand->text = copy(scanner, scanner->at, length);
    scanner->at = end;
    return operand->text != NULL;
}

static const struct {
    const char *name;
    enum operand_kind kind;
} words[] = {
    { "id", OPERAND_ID }, { "type", OPERAND_TYPE }, { "source", OPERAND_SOURCE }, { "received", OPERAND_RECEIVED }
};

static bool operand_read(struct scanner *scanner, struct operand *operand) {
    size_t length = word_length(scanner);
    if (scanner->at < scanner->end && *scanner->at == '"')
        return quoted_read(scanner, operand);
    if (length && *scanner->at == '/')
        return pointer_read(scanner, operand, length);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strlen(words[i].name) == length && memcmp(words[i].name, scanner->at, length) == 0) {
            operand->kind = words[i].kind;
            scanner->at += length;
            return true;
        }
    mistake(scanner, scanner->at, "");
    if (!length)
        text_add_string(scanner->mistakes, "a value must stand here: /a/json/pointer, \"a text\", ");
    else
        text_format(scanner->mistakes,
                    "\"%.*s\" is no value: write a JSON Pointer, which begins with a slash, a \"text\", ",
                    (int)(length < 80 ? length : 80), scanner->at);
    text_add_string(scanner->mistakes, "id, type, source or received");
    return false;
}

/* The scanner stands behind the |. */
static bool filter_read(struct scanner *scanner, struct template_part *part) {
    blanks_skip(scanner);
    const char *name = scanner->at;
    size_t length = word_length(scanner);
    if (part->filter_count == FILTER_LIMIT)
        return mistake(scanner, name, "more than eight filters for one value");
    struct filter_use *use = &part->filters[part->filter_count++];
    use->filter = filter_find(name, length);
    if (!use->filter) {
        mistake(scanner, name, length ? "unknown filter \"" : "the name of a filter must follow the |");
        if (length)
            text_format(scanner->mistakes, "%.*s\"", (int)(length < 80 ? length : 80), name);
        filter_suggest(name, length, scanner->mistakes);
        return false;
    }
    scanner->at += length;
    blanks_skip(scanner);
    while (scanner->at < scanner->end && *scanner->at != '|') {
        if (use->argument_count == use->filter->most)
            break;
        if (!operand_read(scanner, &use->arguments[use->argument_count++]))
            return false;
        blanks_skip(scanner);
    }
    bool ended = scanner->at == scanner->end || *scanner->at == '|';
    if (ended && use->argument_count >= use->filter->least)
        return true;
    mistake(scanner, ended ? name : scanner->at, ended ? "too few" : "too many");
    text_format(scanner->mistakes, " arguments: write | %s", use->filter->usage);
    return false;
}

/* What stands between {{ and }}. */
static bool value_read(struct scanner *scanner, struct template_part *part) {
    blanks_skip(scanner);
    if (!operand_read(scanner, &part->operand))
        return false;
    for (;;) {
        blanks_skip(scanner);
        if (scanner->at == scanner->end)
            return true;
        if (*scanner->at != '|')
            return mistake(scanner, scanner->at, "a | must stand between a value and its filter");
        scanner->at++;
        if (!filter_read(scanner, part))
            return false;
    }
}

const char *template_value_end(const char *source, const char *end) {
    bool quoted = false;
    for (const char *at = source + 2; at < end; at++) {
        if (*at == '"')
            quoted = !quoted;
        else if (quoted && *at == '\\')
            at++;
        else if (!quoted && at + 1 < end && at[0] == '}' && at[1] == '}')
            return at + 2;
    }
    return NULL;
}

static struct template_part *part_add(struct scanner *scanner) {
    struct template *template = scanner->template;
    struct template_part *parts = realloc(template->parts, (size_t)(template->count + 1) * sizeof *parts);
    if (!parts) {
        mistake(scanner, scanner->at, "memory is short");
        return NULL;
    }
    template->parts = parts;
    parts[template->count] = (struct template_part){ .text = scanner->at };
    return &parts[template->count++];
}

/* Goes on behind a mistake within {{…}}, so that all of them are told at once. */
static bool parts_read(struct scanner *scanner, const char *end) {
    bool good = true;
    for (;;) {
        struct template_part *part = part_add(scanner);
        if (!part)
            return false;
        const char *open = memmem(scanner->at, (size_t)(end - scanner->at), "{{", 2);
        part->length = (size_t)((open ? open : end) - scanner->at);
        if (!open)
            return good;
        const char *close = template_value_end(open, end);
        if (!close)
            return mistake(scanner, open, "{{ without }}, or with a \" that is not closed; {{\"{{\"}} gives {{ itself");
        part->has_value = true;
        part->place = (size_t)(open - scanner->template->source);
        scanner->at = open + 2;
        scanner->end = close - 2;
        good = value_read(scanner, part) && good;
        scanner->at = close;
    }
}

bool template_read(struct template *template, const char *label, const char *source, size_t start, size_t length,
                   struct text *mistakes) {
    *template = (struct template){ .label = label, .source = source };
    struct scanner scanner = { .template = template, .at = source + start, .mistakes = mistakes };
    const char *wrong = utf8_wrong(source);
    if (wrong)
        return mistake(&scanner, wrong, "this is no UTF-8: save the text in that encoding");
    return parts_read(&scanner, source + start + length);
}

static void operand_free(struct operand *operand) {
    free(operand->text);
    operand->text = NULL;
}

void template_free(struct template *template) {
    for (int i = 0; i < template->count; i++) {
        struct template_part *part = &template->parts[i];
        operand_free(&part->operand);
        for (int j = 0; j < part->filter_count; j++)
            for (int k = 0; k < ARGUMENT_LIMIT; k++)
                operand_free(&part->filters[j].arguments[k]);
    }
    free(template->parts);
    *template = (struct template){ 0 };
}
