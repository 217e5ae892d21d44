/* What went wrong, in words for the person who can put it right: where, what, and what to do about it. */
#ifndef BASE_FAULT_H
#define BASE_FAULT_H

#include <stdbool.h>
#include <stddef.h>

enum { FAULT_TEXT_SIZE = 1024 };

/* Filled by the function that failed; the caller owns it, usually on the stack. An empty text means nothing failed. */
struct fault {
    char text[FAULT_TEXT_SIZE];
};

/* Overwrites what was there. Returns false, so that a function can end with `return fault_set(fault, …);`. A null fault is allowed. */
__attribute__((format(printf, 2, 3))) bool fault_set(struct fault *fault, const char *format, ...);

/* All mistakes of one run, in the order in which they were found. Zero-initialise; free with fault_list_free. */
struct fault_list {
    char **texts;
    size_t count;
    size_t left_out; /* how many further ones were not kept; if there are any, one more text, the last, tells so */
};

enum { FAULT_LIST_LIMIT = 200 }; /* nobody reads more in one go */

__attribute__((format(printf, 2, 3))) void fault_list_add(struct fault_list *list, const char *format, ...);
void fault_list_free(struct fault_list *list);

#endif
