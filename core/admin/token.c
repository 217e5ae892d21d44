#include "admin/token.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/bytes.h"

/* Beside the place where it is to be, and with its name only when all of it is on disk. */
static bool file_write(const char *path, const char *text, size_t length) {
    char beside[PATH_MAX];
    if (snprintf(beside, sizeof beside, "%s.XXXXXX", path) >= (int)sizeof beside) {
        errno = ENAMETOOLONG;
        return false;
    }
    int file = mkostemp(beside, O_CLOEXEC); /* its mode is 0600 */
    if (file < 0)
        return false;
    bool written = write(file, text, length) == (ssize_t)length && fsync(file) == 0 && link(beside, path) == 0;
    int error = errno;
    close(file);
    unlink(beside);
    errno = error;
    return written;
}

bool token_make(const char *path, char token[TOKEN_SIZE], struct fault *fault) {
    unsigned char random[TOKEN_BYTES];
    char line[TOKEN_SIZE + 1];
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        return fault_set(fault, "admin: no random bytes for a token: %s", strerror(errno));
    hex_encode(random, sizeof random, token);
    int length = snprintf(line, sizeof line, "%s\n", token);
    bool made = file_write(path, line, (size_t)length);
    int error = errno;
    bytes_wipe(random, sizeof random);
    bytes_wipe(line, sizeof line);
    if (made)
        return true;
    bytes_wipe(token, TOKEN_SIZE);
    return fault_set(fault,
                     "admin: the token's file %s can't be made: %s; make it yourself with a random text in it, or name "
                     "another one under `admin: token:`",
                     path, strerror(error));
}
