/* A scheme, its secrets and a request, read from lines: as in `settings` below and "> NAME: VALUE" for headers, then an empty line and
 * the body. */
#ifndef FUZZ_SIGNATURE_INPUT_H
#define FUZZ_SIGNATURE_INPUT_H

#include <stddef.h>

#include "check.h"
#include "event/signature.h"

enum { TOLERANCE_MS = 300000 };

struct input {
    struct signature_scheme scheme;
    char *texts[32]; /* all that the scheme and the secrets point at */
    int text_count;
    struct bytes secrets[SIGNATURE_SECRET_LIMIT];
    int secret_count, item_count;
    struct buffer headers;
    struct bytes headers_view, body;
    const char *url, *id;
    int64_t now_s;
};

static char *kept(struct input *input, struct bytes line) {
    if (input->text_count == 32)
        return NULL;
    return input->texts[input->text_count++] = text_of(line);
}

/* Of the scheme, where a text goes. */
static const struct {
    const char *word;
    size_t offset;
} settings[] = {
    { "header", offsetof(struct input, scheme.header) },
    { "separator", offsetof(struct input, scheme.separator) },
    { "signed", offsetof(struct input, scheme.signed_template) },
    { "timestamp", offsetof(struct input, scheme.timestamp_header) },
    { "id", offsetof(struct input, scheme.id_header) },
    { "url", offsetof(struct input, url) },
    { "event", offsetof(struct input, id) },
};

static bool setting_read(struct input *input, struct bytes line) {
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        if (word_take(&line, settings[i].word)) {
            char *text = kept(input, line);
            if (text)
                *(const char **)((char *)input + settings[i].offset) = text;
            return true;
        }
    }
    return false;
}

static void line_read(struct input *input, struct bytes line) {
    const struct signature_scheme *preset;
    char *text;
    if (word_take(&line, ">")) {
        buffer_append(&input->headers, line.data, line.length);
        buffer_append_text(&input->headers, "\n");
    } else if (word_take(&line, "preset")) {
        if ((text = kept(input, line)) && (preset = signature_preset(text)))
            input->scheme = *preset;
    } else if (word_take(&line, "item")) {
        if (input->item_count < SIGNATURE_ITEM_LIMIT - 1 && (text = kept(input, line)))
            input->scheme.items[input->item_count++] = text;
    } else if (word_take(&line, "hash") && line.length == 1) {
        input->scheme.hash = (enum signature_hash)((unsigned char)line.data[0] % 3);
    } else if (word_take(&line, "form") && line.length == 1) {
        input->scheme.secret = (enum signature_secret)((unsigned char)line.data[0] % 3);
    } else if (word_take(&line, "secret")) {
        if (input->secret_count < SIGNATURE_SECRET_LIMIT && (text = kept(input, line)))
            input->secrets[input->secret_count++] = bytes_of(text);
    } else if (word_take(&line, "now") && (text = kept(input, line))) {
        input->now_s = llabs(strtoll(text, NULL, 10) % INT64_C(1000000000000)); /* SIGNATURE_TIMESTAMP_DIGITS */
    } else {
        setting_read(input, line);
    }
}

static void input_read(struct input *input, struct bytes rest) {
    struct bytes line;
    input->now_s = 1700000000;
    while (line_take(&rest, &line) && line.length > 0)
        line_read(input, line);
    input->headers_view = moved((struct bytes){ input->headers.data, input->headers.length });
    input->body = moved(rest);
}

static void input_free(struct input *input) {
    for (int i = 0; i < input->text_count; i++)
        free(input->texts[i]);
    buffer_free(&input->headers);
    free((char *)input->headers_view.data);
    free((char *)input->body.data);
}

/* The keys of all secrets; none and false if the scheme or a secret is not usable. */
static bool input_keys_make(const struct input *input, struct signature_key *keys[SIGNATURE_SECRET_LIMIT]) {
    struct fault fault = { "" };
    int made = 0;
    bool usable = signature_scheme_check(&input->scheme, &fault);
    CHECK(usable == !fault.text[0]);
    while (usable && made < input->secret_count) {
        keys[made] = signature_key_make(&input->scheme, input->secrets[made], &fault);
        CHECK(!keys[made] == (fault.text[0] != '\0'));
        usable = keys[made] != NULL;
        made += usable;
    }
    if (usable && made > 0)
        return true;
    while (made > 0)
        signature_key_free(keys[--made]);
    return false;
}

#endif
