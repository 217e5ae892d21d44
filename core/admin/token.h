/* The token that whoever asks over TCP must show: made at the first start, where the config names none that is there. */
#ifndef ADMIN_TOKEN_H
#define ADMIN_TOKEN_H

#include <stdbool.h>

#include "base/fault.h"

enum { TOKEN_BYTES = 32, TOKEN_SIZE = 2 * TOKEN_BYTES + 1 };

/* Makes a random one, and the file `path` (mode 0600) that holds it, whole or not at all. A file that is there is never touched: that is a
 * fault like any other. */
bool token_make(const char *path, char token[TOKEN_SIZE], struct fault *fault);

#endif
