/* How bytes are written: hex, base64 and %XX, UTF-8, and the escapes of a JSON string. */
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"

static const char hex_digits[] = "0123456789abcdef";
static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static int hex_value(char digit) {
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F')
        return digit - 'A' + 10;
    return -1;
}

void hex_encode(const void *data, size_t length, char *out) {
    const unsigned char *bytes = data;
    for (size_t i = 0; i < length; i++) {
        out[2 * i] = hex_digits[bytes[i] >> 4];
        out[2 * i + 1] = hex_digits[bytes[i] & 15];
    }
    out[2 * length] = '\0';
}

bool hex_decode(struct bytes text, void *out, size_t length) {
    unsigned char *bytes = out;
    if (text.length % 2 != 0 || text.length / 2 != length)
        return false;
    for (size_t i = 0; i < length; i++) {
        int high = hex_value(text.data[2 * i]), low = hex_value(text.data[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        bytes[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

size_t base64_encoded_size(size_t length) {
    return (length + 2) / 3 * 4 + 1;
}

void base64_encode(const void *data, size_t length, char *out) {
    const unsigned char *bytes = data;
    for (size_t i = 0; i < length; i += 3) {
        size_t left = length - i;
        unsigned group = (unsigned)bytes[i] << 16;
        if (left > 1)
            group |= (unsigned)bytes[i + 1] << 8;
        if (left > 2)
            group |= bytes[i + 2];
        *out++ = base64_digits[group >> 18];
        *out++ = base64_digits[group >> 12 & 63];
        *out++ = left > 1 ? base64_digits[group >> 6 & 63] : '=';
        *out++ = left > 2 ? base64_digits[group & 63] : '=';
    }
    *out = '\0';
}

static int base64_value(char digit) {
    if (digit >= 'A' && digit <= 'Z')
        return digit - 'A';
    if (digit >= 'a' && digit <= 'z')
        return digit - 'a' + 26;
    if (digit >= '0' && digit <= '9')
        return digit - '0' + 52;
    return digit == '+' ? 62 : digit == '/' ? 63 : -1;
}

long base64_decode(struct bytes text, void *out, size_t size) {
    unsigned char *bytes = out;
    size_t length = text.length;
    if (length > 0 && length % 4 == 0 && text.data[length - 1] == '=')
        length -= text.data[length - 2] == '=' ? 2 : 1;
    if (length % 4 == 1 || length / 4 * 3 + length % 4 * 3 / 4 > size)
        return -1;
    unsigned bits = 0, waiting = 0;
    size_t written = 0;
    for (size_t i = 0; i < length; i++) {
        int value = base64_value(text.data[i]);
        if (value < 0)
            return -1;
        bits = bits << 6 | (unsigned)value;
        waiting += 6;
        if (waiting >= 8) {
            waiting -= 8;
            bytes[written++] = (unsigned char)(bits >> waiting);
            bits &= (1u << waiting) - 1;
        }
    }
    /* Left-over bits may be anything, as in the decoders of Go, Node and Python: senders' secrets were made to be read by those. */
    return (long)written;
}

long percent_decode(struct bytes text, bool form, void *out, size_t size) {
    char *bytes = out;
    size_t written = 0;
    for (size_t i = 0; i < text.length; i++) {
        if (written == size)
            return -1;
        bytes[written] = form && text.data[i] == '+' ? ' ' : text.data[i];
        if (text.data[i] == '%') {
            if (text.length - i < 3 || !hex_decode((struct bytes){ text.data + i + 1, 2 }, bytes + written, 1))
                return -1;
            i += 2;
        }
        written++;
    }
    return (long)written;
}

static bool continuation(unsigned char byte) {
    return (byte & 0xc0) == 0x80;
}

size_t utf8_length(struct bytes text) {
    const unsigned char *bytes = (const unsigned char *)text.data;
    if (text.length == 0)
        return 0;
    if (bytes[0] < 0x80)
        return 1;
    if (bytes[0] >= 0xc2 && bytes[0] <= 0xdf)
        return text.length >= 2 && continuation(bytes[1]) ? 2 : 0;
    if (bytes[0] >= 0xe0 && bytes[0] <= 0xef) {
        if (text.length < 3 || !continuation(bytes[1]) || !continuation(bytes[2]))
            return 0;
        bool overlong = bytes[0] == 0xe0 && bytes[1] < 0xa0, surrogate = bytes[0] == 0xed && bytes[1] > 0x9f;
        return overlong || surrogate ? 0 : 3;
    }
    if (bytes[0] >= 0xf0 && bytes[0] <= 0xf4) {
        if (text.length < 4 || !continuation(bytes[1]) || !continuation(bytes[2]) || !continuation(bytes[3]))
            return 0;
        bool overlong = bytes[0] == 0xf0 && bytes[1] < 0x90, beyond = bytes[0] == 0xf4 && bytes[1] > 0x8f;
        return overlong || beyond ? 0 : 4;
    }
    return 0;
}

size_t json_escape_next(struct bytes *text, char out[JSON_ESCAPED_SIZE]) {
    static const char short_escapes[][2] = { { '"', '"' },  { '\\', '\\' }, { '\b', 'b' }, { '\f', 'f' },
                                             { '\n', 'n' }, { '\r', 'r' },  { '\t', 't' } };
    size_t taken = utf8_length(*text), written = taken;
    unsigned char first = (unsigned char)text->data[0];
    if (taken == 0) {
        taken = 1;
        written = 3;
        memcpy(out, "\xef\xbf\xbd", 3);
    } else if (taken == 1 && (first < 0x20 || first == 0x7f || first == '"' || first == '\\')) {
        written = 6;
        memcpy(out, "\\u00", 4);
        out[4] = hex_digits[first >> 4];
        out[5] = hex_digits[first & 15];
        for (size_t i = 0; i < sizeof short_escapes / sizeof *short_escapes; i++) {
            if ((unsigned char)short_escapes[i][0] == first) {
                out[1] = short_escapes[i][1];
                written = 2;
            }
        }
    } else {
        memcpy(out, text->data, taken);
    }
    text->data += taken;
    text->length -= taken;
    return written;
}

size_t text_escape_next(struct bytes *text, char out[TEXT_ESCAPED_SIZE]) {
    size_t taken = utf8_length(*text), written = 0;
    unsigned char first = (unsigned char)text->data[0];
    bool control = taken == 0 || (taken == 1 && (first < 0x20 || first == 0x7f)) ||
                   (taken == 2 && first == 0xc2 && (unsigned char)text->data[1] < 0xa0);
    if (taken == 0)
        taken = 1;
    if (first == '\n' || first == '\t') {
        out[written++] = '\\';
        out[written++] = first == '\n' ? 'n' : 't';
    } else if (control) {
        for (size_t i = 0; i < taken; i++)
            written += (size_t)snprintf(out + written, 5, "\\x%02x", (unsigned char)text->data[i]);
    } else {
        memcpy(out, text->data, taken);
        written = taken;
    }
    text->data += taken;
    text->length -= taken;
    return written;
}
