#include "address.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { ADDRESS_SIZE = 254, LOCAL_SIZE = 64, LABEL_SIZE = 63 /* RFC 5321, 4.5.3.1; RFC 1035 */ };

/* ---- the settings' text ---- */

/* Where `wanted` is in a text of mailboxes, or `end`: what stands in quotes and in {{…}} is passed over. */
static const char *skip_to(const char *at, const char *end, char wanted) {
    bool quoted = false;
    while (at < end && (quoted || *at != wanted)) {
        bool value = at + 1 < end && at[0] == '{' && at[1] == '{';
        const char *close = value ? template_value_end(at, end) : NULL;
        quoted = quoted != (*at == '"');
        at = close ? close : at + 1;
    }
    return at;
}

static void trim(const char **start, const char **end) {
    while (*start < *end && isspace((unsigned char)**start))
        (*start)++;
    while (*end > *start && isspace((unsigned char)(*end)[-1]))
        (*end)--;
}

static bool list_mistake(const char *label, const char *source, const char *place, const char *what,
                         struct text *mistakes) {
    struct template template = { .label = label, .source = source };
    if (mistakes->length)
        text_add_string(mistakes, "; ");
    template_place(&template, (size_t)(place - source), mistakes);
    text_add_string(mistakes, what);
    return false;
}

/* An address that holds no {{…}} can be looked at right away. */
static bool literal_check(const char *label, const char *source, const char *start, const char *end,
                          struct text *mistakes) {
    if (memmem(start, (size_t)(end - start), "{{", 2))
        return true;
    char *address = strndup(start, (size_t)(end - start));
    const char *wrong = address ? address_wrong(address) : "memory is short";
    bool good = !wrong || list_mistake(label, source, start, "\"", mistakes);
    if (!good)
        text_format(mistakes, "%.100s\" is no address: %s", address ? address : "", wrong);
    free(address);
    return good;
}

/* `name <address>` or `address`, from start to end. The quotes around a name are not part of it. */
static bool mailbox_read(struct address_template *entry, const char *label, const char *source, const char *start,
                         const char *end, struct text *mistakes) {
    const char *open = skip_to(start, end, '<'), *name_end = open;
    if (open < end) {
        if (end[-1] != '>')
            return list_mistake(label, source, open, "a < without a > at the end of the mailbox", mistakes);
        trim(&start, &name_end);
        if (name_end - start > 1 && *start == '"' && name_end[-1] == '"') {
            start++;
            name_end--;
        }
        if (name_end > start &&
            !template_read(&entry->name, label, source, (size_t)(start - source), (size_t)(name_end - start), mistakes))
            return false;
        start = open + 1;
        end--;
        trim(&start, &end);
    }
    return literal_check(label, source, start, end, mistakes) &&
           template_read(&entry->address, label, source, (size_t)(start - source), (size_t)(end - start), mistakes);
}

static void entry_free(struct address_template *entry) {
    template_free(&entry->name);
    template_free(&entry->address);
}

bool address_list_read(struct address_list *list, const char *label, const char *source, struct text *mistakes) {
    const char *at = source, *end = source + strlen(source);
    bool good = true;
    for (;;) {
        const char *comma = skip_to(at, end, ','), *start = at, *stop = comma;
        trim(&start, &stop);
        struct address_template *entries = realloc(list->entries, (size_t)(list->count + 1) * sizeof *entries);
        if (entries)
            list->entries = entries;
        if (!entries || list->count == MAILBOX_LIMIT)
            return list_mistake(label, source, start, entries ? "more than 100 mailboxes" : "memory is short",
                                mistakes);
        struct address_template *entry = &entries[list->count++];
        *entry = (struct address_template){ 0 };
        good = (start < stop ? mailbox_read(entry, label, source, start, stop, mistakes)
                             : list_mistake(label, source, start, "a mailbox is missing here", mistakes)) &&
               good;
        if (comma == end)
            return good;
        at = comma + 1;
    }
}

void address_list_free(struct address_list *list) {
    for (int i = 0; i < list->count; i++)
        entry_free(&list->entries[i]);
    free(list->entries);
    *list = (struct address_list){ 0 };
}

/* ---- an event's mailboxes ---- */

/* Letters and digits with hyphens between, in labels with dots between. A name without a dot is one of the own network. */
static bool domain_good(const char *domain) {
    size_t label = 0;
    for (const char *at = domain;; at++) {
        if (*at == '.' || !*at) {
            if (!label || label > LABEL_SIZE || at[-1] == '-')
                return false;
            if (!*at)
                return true;
            label = 0;
        } else {
            if (!isalnum((unsigned char)*at) && (*at != '-' || !label))
                return false;
            label++;
        }
    }
}

/* A dot-atom of RFC 5322. The quoted form ("a b"@example.com) is legal, used by nobody, and good for mischief. */
static bool local_good(const char *local, size_t length) {
    for (size_t i = 0; i < length; i++)
        if (!isalnum((unsigned char)local[i]) && !strchr("!#$%&'*+-/=?^_`{|}~.", local[i]))
            return false;
    return length && local[0] != '.' && local[length - 1] != '.' && !memmem(local, length, "..", 2);
}

const char *address_wrong(const char *address) {
    const char *at = strchr(address, '@');
    for (const char *byte = address; *byte; byte++) {
        if ((unsigned char)*byte >= 0x80)
            return "only ASCII is allowed here; a domain of other letters has a form that begins with xn--";
        if ((unsigned char)*byte < 0x20 || *byte == 0x7f)
            return "it holds a line break or another control character";
    }
    if (!at || strchr(at + 1, '@'))
        return "it must be one name@domain and nothing else";
    if (strlen(address) > ADDRESS_SIZE || at - address > LOCAL_SIZE)
        return "it is longer than an address may be";
    if (!local_good(address, (size_t)(at - address)))
        return "what stands before the @ must be letters, digits, and dots or !#$%&'*+-/=?^_`{|}~ between";
    if (!domain_good(at + 1))
        return "what stands behind the @ is no domain name";
    return NULL;
}

/* Blanks around an address are no mischief: forms bring them. */
static const char *blanks_cut(char *text) {
    text += strspn(text, " \t");
    size_t length = strlen(text);
    while (length && (text[length - 1] == ' ' || text[length - 1] == '\t'))
        text[--length] = '\0';
    return text;
}

static bool mailbox_render(const struct address_template *entry, struct grapnel_call *call, struct mailbox *mailbox,
                           struct text *fault) {
    *mailbox = (struct mailbox){ .name = "" };
    /* As text: a line break in an address must be seen below, not made a blank. */
    char *address = template_render_string(&entry->address, call, FORM_TEXT, fault);
    if (address && entry->name.count)
        mailbox->name = template_render_string(&entry->name, call, FORM_HEADER, fault);
    if (!address || !mailbox->name)
        return false;
    mailbox->address = blanks_cut(address);
    const char *wrong = *mailbox->address ? address_wrong(mailbox->address) : NULL;
    if (wrong) {
        template_place(&entry->address, entry->address.parts[0].place, fault);
        text_format(fault, "\"%.100s\" is no address: %s", mailbox->address, wrong);
    }
    return !wrong;
}

bool address_list_render(const struct address_list *list, struct grapnel_call *call, struct mailboxes *out,
                         struct text *fault) {
    for (int i = 0; i < list->count; i++) {
        struct mailbox *mailbox = &out->entries[out->count];
        if (out->count == MAILBOX_LIMIT) {
            text_format(fault, "%s: more than %d mailboxes", list->entries[i].address.label, MAILBOX_LIMIT);
            return false;
        }
        if (!mailbox_render(&list->entries[i], call, mailbox, fault))
            return false;
        if (*mailbox->address)
            out->count++;
    }
    return true;
}
