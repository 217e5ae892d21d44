/* Putting an event's values into a template. */
#include <inttypes.h>
#include <string.h>

#include "filter.h"
#include "template.h"

/* Begins a fault at the place of the part's {{. Always false. */
static bool fault_at(const struct template *template, const struct template_part *part, struct text *fault) {
    template_place(template, part->place, fault);
    return false;
}

/* What the payload has at the pointer. Null counts as missing. */
static bool pointer_value(struct grapnel_call *call, const char *pointer, struct value *value, struct text *fault) {
    const char *json = grapnel_json(call, pointer);
    *value = (struct value){ .missing = pointer };
    if (!json || strcmp(json, "null") == 0)
        return true;
    if (*json == '{' || *json == '[') {
        text_format(fault, "%s is %s, which can't be written into a mail: name one of its members", pointer,
                    *json == '{' ? "an object" : "a list");
        return false;
    }
    value->text = *json == '"' ? grapnel_text(call, pointer) : json;
    if (!value->text)
        text_format(fault, "%s can't be read: it has a NUL character inside, or memory is short", pointer);
    return value->text != NULL;
}

static bool operand_value(struct grapnel_call *call, const struct operand *operand, struct value *value,
                          struct text *fault) {
    *value = (struct value){ 0 };
    switch (operand->kind) {
    case OPERAND_TEXT:
        value->text = operand->text;
        break;
    case OPERAND_POINTER:
        return pointer_value(call, operand->text, value, fault);
    case OPERAND_ID:
        value->text = grapnel_id(call);
        break;
    case OPERAND_TYPE:
        value->text = grapnel_type(call);
        break;
    case OPERAND_SOURCE:
        value->text = grapnel_source(call);
        break;
    case OPERAND_RECEIVED:
        value->text = grapnel_format(call, "%" PRId64, grapnel_received_ms(call) / 1000);
        break;
    }
    return true;
}

static bool part_value(struct grapnel_call *call, const struct template_part *part, struct value *value,
                       struct text *fault) {
    if (!operand_value(call, &part->operand, value, fault))
        return false;
    for (int i = 0; i < part->filter_count; i++) {
        const struct filter_use *use = &part->filters[i];
        struct value arguments[ARGUMENT_LIMIT];
        for (int j = 0; j < use->argument_count; j++)
            if (!operand_value(call, &use->arguments[j], &arguments[j], fault))
                return false;
        if (!use->filter->apply(call, value, arguments, use->argument_count, fault))
            return false;
    }
    if (!value->text)
        text_format(fault, "the event has nothing at %s; if that may be, say what stands in: {{%s | default \"…\"}}",
                    value->missing, value->missing);
    return value->text != NULL;
}

static const char *html_escape(char byte) {
    switch (byte) {
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '&':
        return "&amp;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    }
    return NULL;
}

/* White space too, and Unicode's own line and paragraph separators. */
static bool is_control(const char *character, size_t size) {
    unsigned char first = (unsigned char)character[0];
    return first <= 0x20 || first == 0x7f || (size == 2 && first == 0xc2 && (unsigned char)character[1] < 0xa0) ||
           (size == 3 && (memcmp(character, "\xe2\x80\xa8", 3) == 0 || memcmp(character, "\xe2\x80\xa9", 3) == 0));
}

/* Values reach the mail through here and nowhere else. Bytes that are no UTF-8 (an id from a header may have some) become U+FFFD. */
static void value_write(const char *value, enum template_form form, struct text *out) {
    bool blank = false; /* of a header, still to be written */
    while (*value) {
        size_t size = utf8_size(value);
        const char *escaped = form == FORM_HTML ? html_escape(*value) : NULL;
        if (form == FORM_HEADER && size && is_control(value, size)) {
            blank = true;
            value += size;
            continue;
        }
        if (blank)
            text_add(out, " ", 1);
        blank = false;
        if (!size)
            text_add_string(out, "\xef\xbf\xbd");
        else if (escaped)
            text_add_string(out, escaped);
        else
            text_add(out, value, size);
        value += size ? size : 1;
    }
    if (blank)
        text_add(out, " ", 1);
}

/* The operator's own text: HTML is meant as such; a line break in a header's template (YAML has them quickly) is a blank. */
static void text_write(const char *text, size_t length, enum template_form form, struct text *out) {
    if (form != FORM_HEADER) {
        text_add(out, text, length);
        return;
    }
    for (size_t i = 0; i < length; i++)
        text_add(out, is_control(text + i, 1) ? " " : text + i, 1);
}

bool template_render(const struct template *template, struct grapnel_call *call, enum template_form form,
                     struct text *out, struct text *fault) {
    for (int i = 0; i < template->count; i++) {
        const struct template_part *part = &template->parts[i];
        struct value value;
        text_write(part->text, part->length, form, out);
        if (!part->has_value)
            continue;
        struct text why = { 0 };
        if (!part_value(call, part, &value, &why)) {
            fault_at(template, part, fault);
            text_add_string(fault, text_string(&why));
            text_free(&why);
            return false;
        }
        value_write(value.text, form, out);
        text_free(&why);
    }
    if (out->failed)
        text_format(fault, "%s: the text is larger than %d MiB, or memory is short", template->label,
                    TEXT_LIMIT / 1024 / 1024);
    return !out->failed;
}

char *template_render_string(const struct template *template, struct grapnel_call *call, enum template_form form,
                             struct text *fault) {
    struct text out = { 0 };
    char *copy = NULL;
    if (template_render(template, call, form, &out, fault)) {
        copy = grapnel_allocate(call, out.length + 1);
        if (copy)
            memcpy(copy, text_string(&out), out.length + 1);
        else
            text_format(fault, "%s: memory is short for this text", template->label);
    }
    text_free(&out);
    return copy;
}
