/* The state folder: looked at without changing it, made when missing, and locked so that no second daemon works on it.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/sqlite/engine.h"

/* "PATH: what failed: why: what to do", by errno. */
static bool folder_fault(const char *path, const char *what, struct fault *fault) {
    int error = errno;
    const char *why = strerror(error);
    switch (error) {
    case EACCES:
    case EPERM:
        return fault_set(fault,
                         "%s: %s: %s: let the user that grapnel runs as (number %u now) write there, with chown, or "
                         "choose another folder for `state:`",
                         path, what, why, (unsigned)geteuid());
    case EROFS:
        return fault_set(fault,
                         "%s: %s: %s: choose a folder for `state:` on a file system that can be written; a systemd "
                         "service needs StateDirectory= or ReadWritePaths= for it",
                         path, what, why);
    case ENOENT:
        return fault_set(fault, "%s: %s: its parent folder does not exist: make that first, or correct `state:`", path,
                         what);
    case ENOTDIR:
        return fault_set(fault, "%s: %s: it, or a folder on the way to it, is a file: correct `state:`", path, what);
    case ELOOP:
        return fault_set(fault,
                         "%s: %s: it is a symbolic link, which could lead anywhere: put the file itself there, or let "
                         "`state:` name the folder that it is in",
                         path, what);
    case ENOSPC:
    case EDQUOT:
        return fault_set(fault, "%s: %s: %s: make room on that disk", path, what, why);
    default:
        return fault_set(fault, "%s: %s: %s: see to that, or choose another folder for `state:`", path, what, why);
    }
}

/* A file in it need not be there yet. */
static bool file_check(int folder, const char *path, const char *name, struct fault *fault) {
    struct stat status;
    char file[4096];
    int error = 0;
    if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
        error = errno == ENOENT ? 0 : errno;
    } else if (S_ISLNK(status.st_mode)) {
        error = ELOOP;
    } else if (faccessat(folder, name, R_OK | W_OK, AT_EACCESS) != 0) {
        error = errno;
    }
    snprintf(file, sizeof file, "%.3000s/%s", path, name);
    errno = error;
    return error == 0 || folder_fault(file, "can't be opened for writing", fault);
}

bool folder_check(const char *path, struct fault *fault) {
    static const char *const names[] = { "lock", "grapnel.db", "grapnel.db-wal", "grapnel.db-shm" };
    int folder = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0 && errno == ENOENT) {
        char *copy = strdup(path);
        bool makeable = copy && faccessat(AT_FDCWD, dirname(copy), W_OK | X_OK, AT_EACCESS) == 0;
        int error = copy ? errno : ENOMEM;
        free(copy);
        errno = error;
        return makeable || folder_fault(path, "the state folder can't be made", fault);
    }
    if (folder < 0) {
        return folder_fault(path, "the state folder can't be opened", fault);
    }
    bool usable = faccessat(AT_FDCWD, path, R_OK | W_OK | X_OK, AT_EACCESS) == 0 ||
                  folder_fault(path, "the state folder can't be used", fault);
    for (size_t i = 0; i < sizeof names / sizeof *names && usable; i++) {
        usable = file_check(folder, path, names[i], fault);
    }
    close(folder);
    return usable;
}

static bool lock_fault(int lock, const char *path, struct fault *fault) {
    char text[32] = "";
    if (errno != EWOULDBLOCK) {
        return folder_fault(path, "its file `lock` can't be locked", fault);
    }
    ssize_t length = pread(lock, text, sizeof text - 1, 0);
    long holder = length > 0 ? strtol(text, NULL, 10) : 0;
    if (holder <= 0) {
        return fault_set(fault,
                         "%s: another grapnel already works on this state folder: stop it first, or give this one "
                         "a `state:` of its own",
                         path);
    }
    return fault_set(
        fault,
        "%s: another grapnel already works on this state folder: process %ld; stop it first, or give this one a "
        "`state:` of its own",
        path, holder);
}

/* The lock is the flock; the number inside only tells a person who has it. -1: with the reason. */
static int lock_take(int folder, const char *path, struct fault *fault) {
    int lock = openat(folder, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (lock < 0) {
        folder_fault(path, "its file `lock` can't be opened for writing", fault);
        return -1;
    }
    char text[32];
    int length = snprintf(text, sizeof text, "%d\n", (int)getpid());
    if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
        lock_fault(lock, path, fault);
    } else if (ftruncate(lock, 0) != 0 || pwrite(lock, text, (size_t)length, 0) != length) {
        folder_fault(path, "its file `lock` can't be written", fault);
    } else {
        return lock;
    }
    close(lock);
    return -1;
}

int folder_lock(const char *path, struct fault *fault) {
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) {
        folder_fault(path, "the state folder can't be opened", fault);
        return -1;
    }
    int lock = lock_take(folder, path, fault);
    close(folder);
    return lock;
}

/* A folder that is new has to be written down in its parent, or it may be gone after a power cut. */
static bool folder_sync_parent(int folder) {
    int parent = openat(folder, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent < 0) {
        return errno == EACCES; /* it may be passed through, but not read: then this can't be done */
    }
    bool synced = fsync(parent) == 0;
    close(parent);
    return synced;
}

bool folder_open(struct store *store, const char *path, struct fault *fault) {
    if (!folder_check(path, fault)) {
        return false;
    }
    bool made = mkdir(path, 0700) == 0;
    if (!made && errno != EEXIST) {
        return folder_fault(path, "the state folder can't be made", fault);
    }
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) {
        return folder_fault(path, "the state folder can't be opened", fault);
    }
    struct stat status;
    if (fstat(folder, &status) == 0 && (status.st_mode & 077) != 0) {
        log_warn(store->log,
                 "store: %s is open to other users (mode %04o); its files are not, but `chmod 700` is better", path,
                 (unsigned)status.st_mode & 07777);
    }
    store->lock = lock_take(folder, store->folder, fault);
    bool ready = store->lock >= 0;
    if (ready) {
        unlinkat(folder, COMPACT_NAME, 0); /* left by one that was killed */
        /* Made here, as SQLite would make it readable for all; the log and its shared memory take its mode. */
        int database = openat(folder, "grapnel.db", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        ready = database >= 0 || folder_fault(store->path, "can't be opened for writing", fault);
        if (database >= 0) {
            close(database);
        }
        if (ready && (fsync(folder) != 0 || (made && !folder_sync_parent(folder)))) {
            ready = folder_fault(path, "the state folder can't be written to the disk", fault);
        }
    }
    close(folder);
    return ready;
}
