/* Printing what strangers wrote: control bytes become \n, \x1b …, so that none of them reaches the terminal. */
#ifndef CLI_PRINT_H
#define CLI_PRINT_H

#include "base/bytes.h"

void print_escaped(struct bytes text); /* on stdout */
void text_escape(struct bytes text, struct buffer *out);

#endif
