/* Runs of bytes: a view that owns nothing, a buffer that grows up to a limit, and the encodings that signatures use. */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A view; whoever made it says how long it lives. Not terminated unless said so. */
struct bytes {
    const char *data;
    size_t length;
};

struct bytes bytes_of(const char *text); /* of a terminated text; null gives an empty view */
bool bytes_equal(struct bytes a, struct bytes b);
bool bytes_equal_text(struct bytes a, const char *text);
bool bytes_equal_nocase(struct bytes a, struct bytes b); /* ASCII */

/* Takes the same time for all contents of the same length: for signatures and secrets. The lengths are not secret. */
bool bytes_equal_constant_time(const void *a, const void *b, size_t length);
/* Zeroes memory that held a secret; not optimised away. */
void bytes_wipe(void *data, size_t length);

/* A buffer that grows. Zero-initialise; `limit` 0 means BUFFER_LIMIT. Owned by whoever declared it; free with buffer_free. */
enum { BUFFER_LIMIT = 256 * 1024 * 1024 };
struct buffer {
    char *data;
    size_t length, capacity, limit;
    bool failed; /* memory was short or the limit reached: contents are incomplete; stays set until buffer_clear */
};
/* Room for `more` bytes behind the contents: a pointer to it (the caller then adds to length), or null with failed set. */
char *buffer_reserve(struct buffer *buffer, size_t more);
bool buffer_append(struct buffer *buffer, const void *data, size_t length);
bool buffer_append_text(struct buffer *buffer, const char *text);
__attribute__((format(printf, 2, 3))) bool buffer_format(struct buffer *buffer, const char *format, ...);
/* The contents as a terminated text (the terminator is not counted in length); "" if failed or empty. */
const char *buffer_text(struct buffer *buffer);
void buffer_consume(struct buffer *buffer, size_t length); /* drops bytes at the front */
void buffer_clear(struct buffer *buffer);                  /* keeps the memory */
void buffer_free(struct buffer *buffer);
/* The same for one that held a secret: its memory is zeroed first. Growing leaves copies behind: reserve what is needed beforehand. */
void buffer_wipe(struct buffer *buffer);
/* Appends `text` as the inside of a JSON string (no quotes around it): control bytes, quotes and backslashes escaped, bytes that are
 * no UTF-8 replaced by U+FFFD. */
bool buffer_append_json_escaped(struct buffer *buffer, struct bytes text);
/* The whole JSON string, with its quotes. */
bool buffer_append_json_string(struct buffer *buffer, struct bytes text);
/* As a part of a URL's path or query: all but letters, digits and -._~ becomes %XX. */
bool buffer_append_percent_encoded(struct buffer *buffer, struct bytes text);

/* The length (1 to 4) of the UTF-8 character that the text begins with, or 0 if it begins with none (RFC 3629: overlong forms,
 * surrogates and what is cut short are none). */
size_t utf8_length(struct bytes text);
/* At most `limit` bytes of the text, and no character that the cut would leave unfinished at the end. */
struct bytes bytes_cut(struct bytes text, size_t limit);
/* Takes one character (or one byte that is none) off the front of a text that is not empty, and writes its form inside a JSON string.
 * Returns how many bytes it wrote. */
enum { JSON_ESCAPED_SIZE = 6 };
size_t json_escape_next(struct bytes *text, char out[JSON_ESCAPED_SIZE]);
/* The same for a person's terminal, where nothing a stranger wrote may move the cursor or hide what stands before it: control characters
 * (also those of U+0080 to U+009F) and bytes that are no UTF-8 become \n, \t or \x1b; all else, a backslash too, stands for itself. */
enum { TEXT_ESCAPED_SIZE = 8 + 1 /* room for snprintf's terminator, which is not counted */ };
size_t text_escape_next(struct bytes *text, char out[TEXT_ESCAPED_SIZE]);

/* Lower-case hex of `length` bytes into out[2*length+1]. */
void hex_encode(const void *data, size_t length, char *out);
/* Both cases; exactly `length` bytes or false. */
bool hex_decode(struct bytes text, void *out, size_t length);
/* Standard alphabet with padding; out holds base64_encoded_size(length). */
size_t base64_encoded_size(size_t length); /* with the terminator */
void base64_encode(const void *data, size_t length, char *out);
/* Standard alphabet, padding optional, no white space. Returns the number of bytes, or -1 (bad text, or more than `size`). */
long base64_decode(struct bytes text, void *out, size_t size);
/* The other way: every %XX becomes its byte, and with `form` (as in a query) a + a blank. Returns the number of bytes, or -1: a % without two
 * hex digits, or more bytes than `size`. */
long percent_decode(struct bytes text, bool form, void *out, size_t size);

#endif
