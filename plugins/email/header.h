/* Header fields as RFC 5322 and 2047 want them: folded lines, ASCII only. Values hold no control characters (FORM_HEADER sees to that);
 * a CR or LF that came here all the same would be written as a blank. */
#ifndef EMAIL_HEADER_H
#define EMAIL_HEADER_H

#include "address.h"
#include "text.h"

/* Any text, such as a subject. */
void header_text(struct text *out, const char *name, const char *value);
/* To, Cc and the like. Writes nothing if there are none. */
void header_mailboxes(struct text *out, const char *name, const struct mailboxes *mailboxes);
/* What is known to be short and plain. */
void header_plain(struct text *out, const char *name, const char *value);

#endif
