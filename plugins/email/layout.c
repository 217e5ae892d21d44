#include "layout.h"

#include <stdlib.h>
#include <string.h>

/* The settings that a layout is made of; the same names stand outside of `templates` and in each entry. */
static const char *const list_names[LIST_COUNT] = {
    [LIST_FROM] = "from", [LIST_REPLY_TO] = "reply_to", [LIST_TO] = "to", [LIST_CC] = "cc", [LIST_BCC] = "bcc"
};
static const char *const text_names[TEXT_COUNT] = {
    [TEXT_SUBJECT] = "subject", [TEXT_TEXT] = "text", [TEXT_HTML] = "html"
};

/* ---- reading ---- */

/* `path` may be null or empty: the settings as a whole. */
static void mistake_add(struct text *mistakes, const char *path, const char *what) {
    bool named = path && *path;
    text_format(mistakes, "%s%s%s%s", mistakes->length ? "; " : "", named ? path : "", named ? ": " : "", what);
}

/* The path of a member of a list or map; never null. */
static const char *member_path(struct grapnel_call *call, const char *path, int64_t index) {
    const char *member = grapnel_setting_member(call, path, index);
    return member ? member : "";
}

/* The text of a setting; "" if there is none. */
static const char *setting_text(struct grapnel_call *call, const char *path) {
    const char *text = grapnel_setting_text(call, path);
    return text ? text : "";
}

/* The text at `path`, and the members of the list that may stand there instead. */
static void list_read(struct address_list *list, struct grapnel_call *call, const char *path, struct text *mistakes) {
    const char *text = setting_text(call, path);
    if (*text)
        address_list_read(list, path, text, mistakes);
    for (int64_t i = 0; i < grapnel_setting_count(call, path); i++) {
        const char *member = member_path(call, path, i);
        address_list_read(list, member, setting_text(call, member), mistakes);
    }
}

/* One setting of a layout: `name` is the last word of `path`, which lives as long as the process. */
static void setting_read(struct layout *layout, struct grapnel_call *call, const char *path, const char *name,
                         struct text *mistakes) {
    for (int i = 0; i < LIST_COUNT; i++)
        if (strcmp(name, list_names[i]) == 0)
            list_read(&layout->lists[i], call, path, mistakes);
    for (int i = 0; i < TEXT_COUNT; i++) {
        const char *text = setting_text(call, path);
        if (strcmp(name, text_names[i]) == 0 && *text)
            template_read(&layout->texts[i], path, text, 0, strlen(text), mistakes);
    }
    if (layout->lists[LIST_FROM].count > 1)
        mistake_add(mistakes, path, "a mail is from one mailbox");
}

static void general_read(struct layout *layout, struct grapnel_call *call, struct text *mistakes) {
    layout->path = "";
    for (int i = 0; i < LIST_COUNT; i++)
        setting_read(layout, call, list_names[i], list_names[i], mistakes);
    for (int i = 0; i < TEXT_COUNT; i++)
        setting_read(layout, call, text_names[i], text_names[i], mistakes);
}

static bool entries_read(struct layouts *layouts, struct grapnel_call *call, struct text *mistakes) {
    int64_t count = grapnel_setting_count(call, "templates");
    if (count <= 0)
        return true;
    layouts->entries = calloc((size_t)count, sizeof *layouts->entries);
    if (!layouts->entries)
        return false;
    for (; layouts->count < count; layouts->count++) {
        struct layout *layout = &layouts->entries[layouts->count];
        layout->path = member_path(call, "templates", layouts->count);
        layout->pattern = strdup(grapnel_last_name(call, layout->path));
        for (int64_t i = 0; i < grapnel_setting_count(call, layout->path); i++) {
            const char *path = member_path(call, layout->path, i);
            setting_read(layout, call, path, grapnel_last_name(call, path), mistakes);
        }
        if (!layout->pattern)
            return false;
    }
    return true;
}

static bool headers_read(struct layouts *layouts, struct grapnel_call *call, struct text *mistakes) {
    int64_t count = grapnel_setting_count(call, "headers");
    if (count > MESSAGE_HEADER_LIMIT)
        mistake_add(mistakes, "headers", "more than 32 of them");
    if (count <= 0 || count > MESSAGE_HEADER_LIMIT)
        return true;
    layouts->headers = calloc((size_t)count, sizeof *layouts->headers);
    if (!layouts->headers)
        return false;
    for (; layouts->header_count < count; layouts->header_count++) {
        struct layout_header *header = &layouts->headers[layouts->header_count];
        const char *path = member_path(call, "headers", layouts->header_count);
        const char *text = setting_text(call, path);
        header->name = strdup(grapnel_last_name(call, path));
        const char *wrong = header->name ? message_header_wrong(header->name) : "memory is short";
        if (wrong)
            mistake_add(mistakes, path, wrong);
        template_read(&header->value, path, text, 0, strlen(text), mistakes);
    }
    return true;
}

/* ---- what an entry has, and what it takes from the settings outside ---- */

static const struct address_list *list_of(const struct layouts *layouts, const struct layout *layout, int which) {
    return layout->lists[which].count ? &layout->lists[which] : &layouts->general.lists[which];
}

static bool has_body(const struct layout *layout) {
    return layout->texts[TEXT_TEXT].count || layout->texts[TEXT_HTML].count;
}

/* Text and html belong together: an entry that gives one of them gives both. Null: there is none. */
static const struct template *text_of(const struct layouts *layouts, const struct layout *layout, int which) {
    const struct layout *from = which == TEXT_SUBJECT ? layout->texts[which].count ? layout : &layouts->general
                                : has_body(layout)    ? layout
                                                      : &layouts->general;
    return from->texts[which].count ? &from->texts[which] : NULL;
}

static void layout_check(const struct layouts *layouts, const struct layout *layout, struct text *mistakes) {
    if (!has_body(layout) && !has_body(&layouts->general))
        mistake_add(mistakes, layout->path, "`text` or `html` is missing, what stands in the mail");
    if (!text_of(layouts, layout, TEXT_SUBJECT))
        mistake_add(mistakes, layout->path, "`subject` is missing");
    if (!list_of(layouts, layout, LIST_TO)->count && !list_of(layouts, layout, LIST_CC)->count &&
        !list_of(layouts, layout, LIST_BCC)->count)
        mistake_add(mistakes, layout->path, "`to` is missing, who gets the mail");
    if (!list_of(layouts, layout, LIST_FROM)->count)
        mistake_add(mistakes, layout->path, "`from` is missing, whom the mail is from");
}

bool layouts_read(struct layouts *layouts, struct grapnel_call *call, struct text *mistakes) {
    general_read(&layouts->general, call, mistakes);
    if (!entries_read(layouts, call, mistakes) || !headers_read(layouts, call, mistakes))
        mistake_add(mistakes, "", "memory is short for the templates: raise `memory` of the plugin");
    /* What is missing is worth telling only if nothing that is there is wrong. */
    if (mistakes->length)
        return false;
    for (int i = 0; i < layouts->count; i++)
        layout_check(layouts, &layouts->entries[i], mistakes);
    if (!layouts->count || has_body(&layouts->general))
        layout_check(layouts, &layouts->general, mistakes);
    return !mistakes->length && !mistakes->failed;
}

static void layout_free(struct layout *layout) {
    for (int i = 0; i < LIST_COUNT; i++)
        address_list_free(&layout->lists[i]);
    for (int i = 0; i < TEXT_COUNT; i++)
        template_free(&layout->texts[i]);
    free(layout->pattern);
}

void layouts_free(struct layouts *layouts) {
    layout_free(&layouts->general);
    for (int i = 0; i < layouts->count; i++)
        layout_free(&layouts->entries[i]);
    for (int i = 0; i < layouts->header_count; i++) {
        free(layouts->headers[i].name);
        template_free(&layouts->headers[i].value);
    }
    free(layouts->entries);
    free(layouts->headers);
    *layouts = (struct layouts){ 0 };
}

/* ---- composing ---- */

/* A * matches any run of characters, as in routes. Goes back to the last * only, which is enough. */
static bool pattern_matches(const char *pattern, const char *text) {
    const char *star = NULL, *resume = NULL;
    while (*text) {
        if (*pattern == '*') {
            star = pattern++;
            resume = text;
        } else if (*pattern == *text) {
            pattern++;
            text++;
        } else if (star) {
            pattern = star + 1;
            text = ++resume;
        } else {
            return false;
        }
    }
    return pattern[strspn(pattern, "*")] == '\0';
}

static const struct layout *layout_find(const struct layouts *layouts, const char *type) {
    for (int i = 0; i < layouts->count; i++)
        if (pattern_matches(layouts->entries[i].pattern, type))
            return &layouts->entries[i];
    return has_body(&layouts->general) ? &layouts->general : NULL;
}

static bool mailboxes_compose(const struct layouts *layouts, const struct layout *layout, struct grapnel_call *call,
                              struct message *message, struct text *fault) {
    struct mailboxes *const out[LIST_COUNT] = { [LIST_FROM] = &message->from,
                                                [LIST_REPLY_TO] = &message->reply_to,
                                                [LIST_TO] = &message->to,
                                                [LIST_CC] = &message->cc,
                                                [LIST_BCC] = &message->bcc };
    for (int i = 0; i < LIST_COUNT; i++) {
        out[i]->count = 0;
        if (!address_list_render(list_of(layouts, layout, i), call, out[i], fault))
            return false;
    }
    if (message->from.count && message->to.count + message->cc.count + message->bcc.count)
        return true;
    text_add_string(fault, message->from.count
                               ? "nobody is left to send the mail to: the addresses in `to`, `cc` and `bcc` are empty"
                               : "the address in `from` is empty");
    return false;
}

static bool headers_compose(const struct layouts *layouts, struct grapnel_call *call, struct message *message,
                            struct text *fault) {
    message->header_count = 0;
    for (int i = 0; i < layouts->header_count; i++) {
        struct message_header *header = &message->headers[message->header_count];
        header->name = layouts->headers[i].name;
        header->value = template_render_string(&layouts->headers[i].value, call, FORM_HEADER, fault);
        if (!header->value)
            return false;
        message->header_count += *header->value != '\0'; /* left out when empty, by a default of "" */
    }
    return true;
}

static bool bodies_compose(const struct layouts *layouts, const struct layout *layout, struct grapnel_call *call,
                           struct message *message, struct text bodies[2], struct text *fault) {
    const struct template *text = text_of(layouts, layout, TEXT_TEXT), *html = text_of(layouts, layout, TEXT_HTML);
    text_clear(&bodies[0]);
    text_clear(&bodies[1]);
    if ((text && !template_render(text, call, FORM_TEXT, &bodies[0], fault)) ||
        (html && !template_render(html, call, FORM_HTML, &bodies[1], fault)))
        return false;
    message->text = text ? text_string(&bodies[0]) : NULL;
    message->html = html ? text_string(&bodies[1]) : NULL;
    return true;
}

bool layouts_compose(const struct layouts *layouts, struct grapnel_call *call, struct message *message,
                     struct text bodies[2], struct text *fault) {
    const struct layout *layout = layout_find(layouts, grapnel_type(call));
    if (!layout) {
        text_format(fault,
                    "no entry of `templates` matches the event type \"%s\": add one, or route this type elsewhere",
                    grapnel_type(call));
        return false;
    }
    message->key = grapnel_key(call);
    message->date = time(NULL);
    message->subject = template_render_string(text_of(layouts, layout, TEXT_SUBJECT), call, FORM_HEADER, fault);
    return message->subject && mailboxes_compose(layouts, layout, call, message, fault) &&
           headers_compose(layouts, call, message, fault) &&
           bodies_compose(layouts, layout, call, message, bodies, fault);
}
