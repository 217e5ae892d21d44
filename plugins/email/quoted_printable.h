/* Quoted-printable (RFC 2045, 6.7): any text in lines of ASCII that no mail server changes. */
#ifndef EMAIL_QUOTED_PRINTABLE_H
#define EMAIL_QUOTED_PRINTABLE_H

#include "text.h"

/* LF, CRLF and CR are line breaks. What is written ends with one, whether the text does or not. */
void quoted_printable_write(const char *text, struct text *out);

#endif
