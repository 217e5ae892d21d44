/* Who could change a file: whoever can change the config or a plugin decides what the daemon runs. */
#ifndef CONFIG_TRUST_H
#define CONFIG_TRUST_H

#include <stdbool.h>

#include "base/fault.h"

/* Do the file, and the folder that it is in, belong to root or to our own user, and can nobody else write there? Our own group and root's
 * may. In a folder like /tmp, with the sticky bit, nobody can put another file in its place. False with the path, its mode and what
 * to do. A file that can't be looked at is not judged: whoever reads it will tell. */
bool trust_check(const char *path, struct fault *fault);
/* May every user of the machine read it? `mode`: of that file. */
bool trust_is_public(const char *path, unsigned *mode);

#endif
