/* Views of bytes: comparing them, in constant time where they are secret. */
#include "base/bytes.h"

#include <string.h>

struct bytes bytes_of(const char *text) {
    return (struct bytes){ text, text ? strlen(text) : 0 };
}

bool bytes_equal(struct bytes a, struct bytes b) {
    return a.length == b.length && (a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
}

bool bytes_equal_text(struct bytes a, const char *text) {
    return bytes_equal(a, bytes_of(text));
}

static unsigned char ascii_lower(unsigned char byte) {
    return byte >= 'A' && byte <= 'Z' ? byte + ('a' - 'A') : byte;
}

/* Not strncasecmp, which goes by the locale and stops at a zero byte. */
bool bytes_equal_nocase(struct bytes a, struct bytes b) {
    if (a.length != b.length)
        return false;
    for (size_t i = 0; i < a.length; i++) {
        if (ascii_lower((unsigned char)a.data[i]) != ascii_lower((unsigned char)b.data[i]))
            return false;
    }
    return true;
}

bool bytes_equal_constant_time(const void *a, const void *b, size_t length) {
    /* volatile, so that no compiler may see that a first difference already decides. */
    const volatile unsigned char *left = a, *right = b;
    unsigned char difference = 0;
    for (size_t i = 0; i < length; i++)
        difference |= left[i] ^ right[i];
    return difference == 0;
}

struct bytes bytes_cut(struct bytes text, size_t limit) {
    struct bytes cut = { text.data, text.length < limit ? text.length : limit };
    for (size_t back = 1; cut.length < text.length && back <= 3 && back <= cut.length; back++) {
        unsigned char byte = (unsigned char)cut.data[cut.length - back];
        if (byte < 0x80)
            break;
        if (byte >= 0xc0) { /* the start of the last character: whole or not at all */
            if (utf8_length((struct bytes){ cut.data + cut.length - back, back }) == 0)
                cut.length -= back;
            break;
        }
    }
    return cut;
}

void bytes_wipe(void *data, size_t length) {
    if (length > 0)
        explicit_bzero(data, length);
}
