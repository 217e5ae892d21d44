/* How many files the process may have open. */
#ifndef RECEIVE_DESCRIPTORS_H
#define RECEIVE_DESCRIPTORS_H

#include <stdint.h>

#include "base/log.h"

/* Raises the limit of open files as far as it has to and can be raised. Returns for how many of the connections there is room then,
 * beside what else the daemon needs; if that is not all of them, with a line in the log. */
int64_t descriptors_for(int64_t connections, struct log *log);

#endif
