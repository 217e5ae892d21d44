/* A file that was named on the command line, - for standard input. */
#ifndef CLI_READ_FILE_H
#define CLI_READ_FILE_H

#include "base/bytes.h"
#include "base/fault.h"

enum { READ_FILE_LIMIT = 64 * 1024 * 1024 /* the largest that `limits: body` can be */ };

/* Appends its contents. False with the reason. */
bool read_file(const char *path, struct buffer *data, struct fault *fault);

#endif
