/* Any pointer into any JSON, and an event's id located by any parts. Input: lines "pointer POINTER", "part PART" (up to four),
 * "header NAME: VALUE", then an empty line and the text. What json_find finds is compared with a resolver that builds every key. */
#include <stddef.h>

#include "check.h"
#include "event/json.h"
#include "event/json_tokens.h"
#include "event/locate.h"

enum { LIMIT = 64, MEMBERS_WALKED = 32 };

struct input {
    char *pointer, *parts[SIGNATURE_PART_LIMIT + 1];
    int part_count;
    struct buffer headers;
    struct bytes text;
};

static void input_read(struct input *input, struct bytes rest) {
    struct bytes line;
    while (line_take(&rest, &line) && line.length > 0) {
        if (word_take(&line, "pointer")) {
            free(input->pointer);
            input->pointer = text_of(line);
        } else if (word_take(&line, "part") && input->part_count < SIGNATURE_PART_LIMIT) {
            input->parts[input->part_count++] = text_of(line);
        } else if (word_take(&line, "header")) {
            buffer_append(&input->headers, line.data, line.length);
            buffer_append_text(&input->headers, "\n");
        }
    }
    if (!input->pointer)
        input->pointer = text_of((struct bytes){ NULL, 0 });
    input->text = moved(rest);
}

static void input_free(struct input *input) {
    free(input->pointer);
    for (int i = 0; i < input->part_count; i++)
        free(input->parts[i]);
    buffer_free(&input->headers);
    free((char *)input->text.data);
}

/* RFC 6901, section 3, as a grammar. */
static bool reference_valid(const char *pointer) {
    bool valid = !*pointer || *pointer == '/';
    for (const char *tilde = pointer; (tilde = strchr(tilde, '~')); tilde++)
        valid = valid && (tilde[1] == '0' || tilde[1] == '1');
    return valid;
}

/* A step with its escapes resolved, first ~1 and then ~0, as section 4 has it. */
static struct buffer reference_step(const char *start, size_t length) {
    struct buffer step = { 0 };
    for (size_t i = 0; i < length; i++) {
        bool escape = start[i] == '~';
        const char *meaning = !escape ? start + i : start[i + 1] == '1' ? "/" : "~";
        buffer_append(&step, meaning, 1);
        i += escape;
    }
    return step;
}

static int reference_index(struct buffer *step) {
    char expected[32];
    char *end;
    const char *text = buffer_text(step);
    unsigned long index = strtoul(text, &end, 10);
    snprintf(expected, sizeof expected, "%lu", index);
    return step->length == strlen(expected) && strcmp(expected, text) == 0 && index < INT32_MAX ? (int)index : -1;
}

static int reference_member(const struct json *json, int container, struct buffer *step, bool *doubled) {
    enum json_kind kind = json_kind_at(json, container);
    int member = container + 1, found = -1, index = kind == JSON_ARRAY ? reference_index(step) : -1;
    for (int i = 0; i < json_count(json, container); i++) {
        struct buffer key = { 0 };
        bool wanted = i == index;
        if (kind == JSON_OBJECT) {
            CHECK(json_string(json, member++, &key));
            wanted = bytes_equal((struct bytes){ key.data, key.length }, (struct bytes){ step->data, step->length });
        }
        if (wanted) {
            *doubled = *doubled || found >= 0;
            found = member;
        }
        buffer_free(&key);
        member = json_behind(json, member);
    }
    return found;
}

static int reference_find(const struct json *json, const char *pointer, bool *doubled) {
    int token = json->count > 0 && reference_valid(pointer) ? 0 : -1;
    *doubled = false;
    while (*pointer && token >= 0) {
        size_t length = strcspn(pointer + 1, "/");
        struct buffer step = reference_step(pointer + 1, length);
        token = reference_member(json, token, &step, doubled);
        buffer_free(&step);
        pointer += 1 + length;
    }
    return token;
}

/* Each member's own pointer leads into its container, to the last member of that key. */
static void members_hold(const struct json *json, const char *pointer, int container) {
    for (int i = 0; i < json_count(json, container) && i < MEMBERS_WALKED; i++) {
        struct buffer member = { 0 };
        CHECK(json_member(json, pointer, i, &member));
        bool zero = memchr(member.data, '\0', member.length); /* \u0000 in a key: no terminated pointer can name it */
        int token = json_find(json, buffer_text(&member), NULL);
        CHECK(zero || (token > container && token < json_behind(json, container)));
        buffer_free(&member);
    }
}

/* What is found is what the beginning finds, and one step more finds nothing. */
static void beginning_holds(const struct json *json, const char *pointer) {
    int token;
    size_t length = json_find_beginning(json, pointer, &token), whole = strlen(pointer);
    CHECK(length <= whole && (length == 0 || length == whole || pointer[length] == '/'));
    char *beginning = text_of((struct bytes){ pointer, length });
    CHECK(json_find(json, beginning, NULL) == token);
    free(beginning);
    if (length < whole) {
        size_t more = length + 1 + strcspn(pointer + length + 1, "/");
        beginning = text_of((struct bytes){ pointer, more });
        CHECK(json_find(json, beginning, NULL) < 0);
        free(beginning);
    }
}

static void located_holds(const struct input *input, const struct json *json) {
    struct bytes headers = { input->headers.data, input->headers.length };
    struct signature_request request = { header_of_text, &headers, input->text, NULL };
    struct buffer out = { 0 };
    struct fault fault = { "" };
    bool good = input->part_count > 0;
    buffer_append_text(&out, "kept");
    for (int i = 0; i < input->part_count; i++) {
        struct fault reason = { "" };
        bool checked = locate_part_check(input->parts[i], &reason);
        CHECK(checked == !reason.text[0]);
        good = good && checked;
    }
    bool located = locate_value((const char *const *)input->parts, json, &request, LIMIT, &out, &fault);
    CHECK(located == !fault.text[0]);
    CHECK(memcmp(out.data, "kept", 4) == 0);
    if (!located) {
        CHECK(out.length == 4);
    } else if (good) {
        CHECK(out.length > 4 && out.length <= 4 + LIMIT);
        for (struct bytes left = { out.data + 4, out.length - 4 }; left.length > 0;) {
            size_t length = utf8_length(left);
            CHECK(length > 0 && (unsigned char)left.data[0] >= 0x20 && left.data[0] != 0x7f);
            left = (struct bytes){ left.data + length, left.length - length };
        }
    }
    buffer_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct input input = { 0 };
    struct json json = { 0 };
    bool doubled = false, reference_doubled;
    input_read(&input, (struct bytes){ (const char *)data, size });
    json_parse(&json, input.text, NULL);
    CHECK(json_pointer_valid(input.pointer) == reference_valid(input.pointer));
    int found = json_find(&json, input.pointer, &doubled);
    CHECK(found == reference_find(&json, input.pointer, &reference_doubled));
    CHECK(doubled == reference_doubled);
    if (found >= 0)
        members_hold(&json, input.pointer, found);
    else
        CHECK(!json_member(&json, input.pointer, 0, &(struct buffer){ 0 }));
    beginning_holds(&json, input.pointer);
    located_holds(&input, &json);
    json_free(&json);
    input_free(&input);
    return 0;
}
