/* What the settings say about the mails: who they are from and to, and what stands in them, for each type of event. */
#ifndef EMAIL_LAYOUT_H
#define EMAIL_LAYOUT_H

#include <grapnel/plugin.h>
#include <stdbool.h>

#include "address.h"
#include "message.h"
#include "template.h"

enum { LIST_FROM, LIST_REPLY_TO, LIST_TO, LIST_CC, LIST_BCC, LIST_COUNT };
enum { TEXT_SUBJECT, TEXT_TEXT, TEXT_HTML, TEXT_COUNT };

/* The settings outside of `templates`, or one entry in it. What an entry lacks is taken from the former. */
struct layout {
    char *pattern;    /* of event types; a * stands for any characters. Null: the settings outside */
    const char *path; /* of the entry, for messages */
    struct address_list lists[LIST_COUNT];
    struct template texts[TEXT_COUNT]; /* count is 0: not given */
};

struct layout_header {
    char *name;
    struct template value;
};

/* Zero-initialise. */
struct layouts {
    struct layout general;
    struct layout *entries; /* in the order of the config file: the first whose pattern matches counts */
    int count;
    struct layout_header *headers;
    int header_count;
};

/* What is wrong, all of it, is added to `mistakes`; false if there is any. */
bool layouts_read(struct layouts *layouts, struct grapnel_call *call, struct text *mistakes);
void layouts_free(struct layouts *layouts);

/* The mail for the current event. `bodies` holds its text and html, and must live as long as the message. False: it can't be made, now or
 * ever, and `fault` says why. */
bool layouts_compose(const struct layouts *layouts, struct grapnel_call *call, struct message *message,
                     struct text bodies[2], struct text *fault);

#endif
