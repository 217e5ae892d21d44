/* What the fuzzers share: a claim that ends the run when it does not hold, and input taken apart line by line. */
#ifndef FUZZ_CHECK_H
#define FUZZ_CHECK_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

/* libFuzzer keeps the input of a run that aborts. */
#define CHECK(claim)                                                                                                   \
    do {                                                                                                               \
        if (!(claim)) {                                                                                                \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #claim);                                 \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

/* Takes a line (without its end) off the front; false at the end of the input. */
static inline bool line_take(struct bytes *input, struct bytes *line) {
    if (input->length == 0)
        return false;
    const char *end = memchr(input->data, '\n', input->length);
    size_t length = end ? (size_t)(end - input->data) : input->length;
    *line = (struct bytes){ input->data, length };
    input->data += length + (end != NULL);
    input->length -= length + (end != NULL);
    return true;
}

/* Is it "word rest"? Then it becomes the rest. */
static inline bool word_take(struct bytes *line, const char *word) {
    size_t length = strlen(word);
    if (line->length <= length || memcmp(line->data, word, length) != 0 || line->data[length] != ' ')
        return false;
    line->data += length + 1;
    line->length -= length + 1;
    return true;
}

/* A terminated copy up to the first zero byte, exactly as long as it must be, so that a read past it is seen. The caller frees. */
static inline char *text_of(struct bytes bytes) {
    char *text = strndup(bytes.length ? bytes.data : "", bytes.length);
    CHECK(text);
    return text;
}

/* The bytes moved to where a read past their end is seen. The caller frees data. */
static inline struct bytes moved(struct bytes bytes) {
    char *data = malloc(bytes.length + !bytes.length);
    CHECK(data);
    if (bytes.length > 0)
        memcpy(data, bytes.data, bytes.length);
    return (struct bytes){ data, bytes.length };
}

/* As text_of, with zero bytes in it: a pointer that the header lines below can use. Lines "Name: value", as signature_verify asks. */
static inline bool header_of_text(void *context, const char *name, int count, struct bytes *value) {
    struct bytes lines = *(const struct bytes *)context, line;
    while (line_take(&lines, &line)) {
        const char *colon = line.length ? memchr(line.data, ':', line.length) : NULL;
        if (!colon || !bytes_equal_nocase((struct bytes){ line.data, (size_t)(colon - line.data) }, bytes_of(name)) ||
            count-- > 0)
            continue;
        *value = (struct bytes){ colon + 1, line.length - (size_t)(colon + 1 - line.data) };
        if (value->length > 0 && value->data[value->length - 1] == '\r')
            value->length--;
        return true;
    }
    return false;
}

#endif
