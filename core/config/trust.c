/* The file itself and the folder that holds it, at the end of all links. The folders above are not looked at: those of a system belong to
 * root, and whoever can move a home folder has that user already. */
#include "config/trust.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What others could do there: a folder lets them put another file in the place of the one that is meant. */
static const char *harm_of(const struct stat *status) {
    return S_ISDIR(status->st_mode) ? "put other files there" : "change it";
}

static bool entry_check(const char *path, const struct stat *status, struct fault *fault) {
    unsigned mode = (unsigned)status->st_mode & 07777;
    bool own_group = status->st_gid == 0 || status->st_gid == getegid();
    if (status->st_uid != 0 && status->st_uid != geteuid())
        return fault_set(
            fault,
            "%.1000s belongs to user number %u, who could %s, and thereby decide what Grapnel runs: give it to root or "
            "to the user that Grapnel runs as, with `chown %u %.1000s`",
            path, (unsigned)status->st_uid, harm_of(status), (unsigned)geteuid(), path);
    if (S_ISDIR(status->st_mode) && (mode & S_ISVTX))
        return true;
    if (mode & S_IWOTH)
        return fault_set(
            fault,
            "every user of this machine can write to %.1000s (mode %04o): they could %s, and thereby decide "
            "what Grapnel runs; `chmod o-w %.1000s`",
            path, mode, harm_of(status), path);
    if ((mode & S_IWGRP) && !own_group)
        return fault_set(
            fault,
            "the group number %u can write to %.1000s (mode %04o): its members could %s, and thereby decide "
            "what Grapnel runs; `chmod g-w %.1000s`",
            (unsigned)status->st_gid, path, mode, harm_of(status), path);
    return true;
}

static bool folder_check(const char *path, struct fault *fault) {
    char folder[PATH_MAX];
    struct stat status;
    const char *slash = strrchr(path, '/');
    size_t length = !slash ? 0 : slash == path ? 1 : (size_t)(slash - path);
    if (length >= sizeof folder)
        return true;
    memcpy(folder, length ? path : ".", length ? length : 1);
    folder[length ? length : 1] = '\0';
    return stat(folder, &status) != 0 || entry_check(folder, &status, fault);
}

bool trust_check(const char *path, struct fault *fault) {
    char target[PATH_MAX];
    struct stat status, itself;
    if (stat(path, &status) != 0 || lstat(path, &itself) != 0)
        return true;
    if (!entry_check(path, &status, fault) || !folder_check(path, fault))
        return false;
    return !S_ISLNK(itself.st_mode) || !realpath(path, target) || folder_check(target, fault);
}

bool trust_is_public(const char *path, unsigned *mode) {
    struct stat status;
    if (stat(path, &status) != 0 || !S_ISREG(status.st_mode))
        return false;
    *mode = (unsigned)status.st_mode & 07777;
    return (*mode & S_IROTH) != 0;
}
