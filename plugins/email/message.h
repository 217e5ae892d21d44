/* One mail as it goes over the wire: header fields and a MIME body, lines end with CRLF. */
#ifndef EMAIL_MESSAGE_H
#define EMAIL_MESSAGE_H

#include <time.h>

#include "address.h"
#include "text.h"

enum { MESSAGE_HEADER_LIMIT = 32, MESSAGE_KEY_SIZE = 200 };

struct message_header {
    const char *name, *value;
};

/* Everything in it is borrowed. It is large: not for the stack. */
struct message {
    const char *key; /* of the delivery: the same mail has the same one */
    time_t date;
    struct mailboxes from, reply_to, to, cc, bcc; /* from: one. bcc is not written into the mail */
    const char *subject;
    const char *text, *html; /* null: there is none; one of them is there */
    struct message_header headers[MESSAGE_HEADER_LIMIT];
    int header_count;
};

/* `out->failed` says that memory was short or the mail too large. */
void message_write(const struct message *message, struct text *out);
/* The key with nothing in it but letters, digits, ~ and -: fit for a Message-ID and a file name. Not empty. */
void message_key(const char *key, char out[MESSAGE_KEY_SIZE]);
/* Whether a header of the settings may have this name: a legal one that message_write does not write itself. Or why not. */
const char *message_header_wrong(const char *name);

#endif
