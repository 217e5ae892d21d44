#include "header.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

enum {
    LINE_SIZE = 76,     /* of a folded line: RFC 2047 wants 76 where it has encoded words, RFC 5322 would take 78 */
    WORD_SIZE = 70,     /* longer runs without a blank are encoded, since encoded words can be broken anywhere */
    LEAST_ENCODED = 16, /* bytes for which a line that is begun already is worth using */
};
static const char encoded_start[] = "=?UTF-8?B?", encoded_end[] = "?=";

/* The field being written: `column` is where its last line ends. */
struct field {
    struct text *out;
    size_t column;
};

static struct field field_begin(struct text *out, const char *name) {
    text_format(out, "%s:", name);
    return (struct field){ .out = out, .column = strlen(name) + 1 };
}

/* A word and the blank before it, on a new line if it does not fit. */
static void field_word(struct field *field, const char *word, size_t length) {
    if (field->column + 1 + length > LINE_SIZE) {
        text_add_string(field->out, "\r\n");
        field->column = 0;
    }
    text_add(field->out, " ", 1);
    for (size_t i = 0; i < length; i++)
        text_add(field->out, word[i] == '\r' || word[i] == '\n' ? " " : word + i, 1);
    field->column += 1 + length;
}

static void field_end(struct field *field) {
    text_add_string(field->out, "\r\n");
}

/* Whole characters of `text` that are at most `size` bytes. */
static size_t characters_fit(const char *text, size_t size) {
    size_t length = 0;
    while (text[length]) {
        size_t more = utf8_size(text + length);
        more = more ? more : 1;
        if (length + more > size)
            break;
        length += more;
    }
    return length;
}

/* Base64 (RFC 4648, 4), terminated; how long it is. */
static size_t base64_encode(const char *data, size_t length, char *out) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *bytes = (const unsigned char *)data;
    char *end = out;
    for (size_t i = 0; i < length; i += 3) {
        unsigned bits = (unsigned)bytes[i] << 16;
        bits |= i + 1 < length ? (unsigned)bytes[i + 1] << 8 : 0;
        bits |= i + 2 < length ? bytes[i + 2] : 0;
        *end++ = digits[bits >> 18];
        *end++ = digits[bits >> 12 & 63];
        *end++ = '=';
        *end++ = '=';
        if (i + 1 < length)
            end[-2] = digits[bits >> 6 & 63];
        if (i + 2 < length)
            end[-1] = digits[bits & 63];
    }
    *end = '\0';
    return (size_t)(end - out);
}

/* Encoded words: those that follow each other are read as one text, without the blanks between them. */
static void field_encoded(struct field *field, const char *text) {
    const size_t frame = sizeof encoded_start - 1 + sizeof encoded_end - 1;
    while (*text) {
        size_t room = field->column + 1 + frame < LINE_SIZE ? (LINE_SIZE - field->column - 1 - frame) / 4 * 3 : 0;
        if (room < LEAST_ENCODED && strlen(text) > room)
            room = (LINE_SIZE - 1 - frame) / 4 * 3;
        size_t length = characters_fit(text, room);
        char word[LINE_SIZE + 1];
        memcpy(word, encoded_start, sizeof encoded_start - 1);
        size_t size = sizeof encoded_start - 1 + base64_encode(text, length, word + sizeof encoded_start - 1);
        memcpy(word + size, encoded_end, sizeof encoded_end - 1);
        field_word(field, word, size + sizeof encoded_end - 1);
        text += length;
    }
}

/* Can the text stand as it is, folded at its blanks, and be read back unchanged? "=?" could be taken for an encoded word. */
static bool is_plain(const char *text) {
    size_t word = 0;
    if (*text == ' ' || strstr(text, "=?"))
        return false;
    for (; *text; text++) {
        word = *text == ' ' ? 0 : word + 1;
        if (*text < 0x20 || *text > 0x7e || word > WORD_SIZE || (*text == ' ' && (text[1] == ' ' || !text[1])))
            return false;
    }
    return true;
}

static void field_words(struct field *field, const char *text) {
    while (*text) {
        size_t length = strcspn(text, " ");
        field_word(field, text, length);
        text += length + (text[length] == ' ');
    }
}

void header_text(struct text *out, const char *name, const char *value) {
    struct field field = field_begin(out, name);
    if (is_plain(value))
        field_words(&field, value);
    else
        field_encoded(&field, value);
    field_end(&field);
}

void header_plain(struct text *out, const char *name, const char *value) {
    struct field field = field_begin(out, name);
    field_word(&field, value, strlen(value));
    field_end(&field);
}

/* A name in front of an address: as it is if it is made of atoms, in quotes if it is ASCII, encoded otherwise. */
static void field_name(struct field *field, const char *name) {
    char quoted[2 * WORD_SIZE + 3];
    size_t size = 0;
    bool atoms = true;
    if (!is_plain(name) || strlen(name) > WORD_SIZE) {
        field_encoded(field, name);
        return;
    }
    quoted[size++] = '"';
    for (const char *at = name; *at; at++) {
        atoms = atoms && (isalnum((unsigned char)*at) || strchr(" !#$%&'*+-/=?^_`{|}~", *at));
        if (*at == '"' || *at == '\\')
            quoted[size++] = '\\';
        quoted[size++] = *at;
    }
    quoted[size++] = '"';
    if (atoms)
        field_words(field, name);
    else
        field_word(field, quoted, size);
}

void header_mailboxes(struct text *out, const char *name, const struct mailboxes *mailboxes) {
    if (!mailboxes->count)
        return;
    struct field field = field_begin(out, name);
    for (int i = 0; i < mailboxes->count; i++) {
        const struct mailbox *mailbox = &mailboxes->entries[i];
        struct text address = { 0 };
        text_format(&address, *mailbox->name ? "<%s>%s" : "%s%s", mailbox->address,
                    i + 1 < mailboxes->count ? "," : "");
        if (*mailbox->name)
            field_name(&field, mailbox->name);
        field_word(&field, text_string(&address), address.length);
        out->failed = out->failed || address.failed;
        text_free(&address);
    }
    field_end(&field);
}
