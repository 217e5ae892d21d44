/* The state folder: made when missing, and locked so that no second daemon works on it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/sqlite/engine.h"

/* The lock is the flock; the number inside only tells a person who has it. */
static bool folder_lock(struct store *store, int folder, struct fault *fault) {
    store->lock = openat(folder, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (store->lock < 0) {
        return fault_set(fault, "%s/lock: can't be opened for writing: %s", store->folder, strerror(errno));
    }
    char text[32] = "";
    if (flock(store->lock, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) {
            return fault_set(fault, "%s/lock: can't be locked: %s", store->folder, strerror(errno));
        }
        ssize_t length = pread(store->lock, text, sizeof text - 1, 0);
        long holder = length > 0 ? strtol(text, NULL, 10) : 0;
        if (holder <= 0) {
            return fault_set(fault, "%s: another grapnel already works on this state folder", store->folder);
        }
        return fault_set(
            fault,
            "%s: another grapnel already works on this state folder: process %ld; stop it first, or give this one a "
            "`state:` of its own",
            store->folder, holder);
    }
    int length = snprintf(text, sizeof text, "%d\n", (int)getpid());
    if (ftruncate(store->lock, 0) != 0 || pwrite(store->lock, text, (size_t)length, 0) != length) {
        return fault_set(fault, "%s/lock: can't be written: %s", store->folder, strerror(errno));
    }
    return true;
}

/* A folder that is new has to be written down in its parent, or it may be gone after a power cut. */
static void folder_sync_parent(int folder) {
    int parent = openat(folder, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent >= 0) {
        fsync(parent);
        close(parent);
    }
}

bool folder_open(struct store *store, const char *path, struct fault *fault) {
    bool made = mkdir(path, 0700) == 0;
    if (!made && errno != EEXIST) {
        return fault_set(fault, "%s: the state folder can't be made: %s", path, strerror(errno));
    }
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) {
        return fault_set(fault, "%s: the state folder can't be opened: %s", path, strerror(errno));
    }
    struct stat status;
    if (fstat(folder, &status) == 0 && (status.st_mode & 077) != 0) {
        log_warn(store->log,
                 "store: %s is open to other users (mode %04o); its files are not, but `chmod 700` is better", path,
                 (unsigned)status.st_mode & 07777);
    }
    bool ready = folder_lock(store, folder, fault);
    if (ready) {
        /* Made here, as SQLite would make it readable for all; the log and its shared memory take its mode. */
        int database = openat(folder, "grapnel.db", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        ready = database >= 0 || fault_set(fault, "%s: can't be opened for writing: %s", store->path, strerror(errno));
        if (database >= 0) {
            close(database);
        }
        fsync(folder);
        if (made) {
            folder_sync_parent(folder);
        }
    }
    close(folder);
    return ready;
}
