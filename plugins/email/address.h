/* Who a mail is from and to. Lists are split into mailboxes, and those into name and address, before any value is put in: what a value
 * holds can neither add a mailbox nor turn a name into an address. */
#ifndef EMAIL_ADDRESS_H
#define EMAIL_ADDRESS_H

#include <grapnel/plugin.h>
#include <stdbool.h>

#include "template.h"

enum { MAILBOX_LIMIT = 100 /* in one list; servers must take as many recipients (RFC 5321, 4.5.3.1.8) */ };

/* Both texts live as long as the call. */
struct mailbox {
    const char *name; /* "" if there is none */
    const char *address;
};

struct mailboxes {
    struct mailbox entries[MAILBOX_LIMIT];
    int count;
};

/* `Zoë <zoe@example.com>` or `zoe@example.com`, with {{…}} anywhere in it. */
struct address_template {
    struct template name, address; /* name.count is 0 if there is none */
};

/* Zero-initialise. */
struct address_list {
    struct address_template *entries;
    int count;
};

/* Reads one text of the settings, which may hold several mailboxes with commas between, and adds them. False: what is wrong was added to
 * `mistakes`. */
bool address_list_read(struct address_list *list, const char *label, const char *source, struct text *mistakes);
void address_list_free(struct address_list *list);

/* Adds the mailboxes of this event. One whose address is empty (by a default of "") is left out. False: `fault` says why. */
bool address_list_render(const struct address_list *list, struct grapnel_call *call, struct mailboxes *out,
                         struct text *fault);

/* Why it is no address that can be sent to, or null. */
const char *address_wrong(const char *address);

#endif
