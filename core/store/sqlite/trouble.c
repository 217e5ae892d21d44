/* What an error of SQLite means for what was put, and the words for it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/sqlite/engine.h"

/* errno of the latest failed call on the file that was being written; 0 if none failed. */
static int trouble_errno(struct store *store) {
    sqlite3_file *file = NULL;
    int which = store->copying ? SQLITE_FCNTL_FILE_POINTER : SQLITE_FCNTL_JOURNAL_POINTER, error = 0;
    if (sqlite3_file_control(store->database, "main", which, &file) == SQLITE_OK && file && file->pMethods) {
        file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &error);
    }
    return error;
}

/* A write that found no room. SQLite itself knows only ENOSPC; a quota and a limit of file size come as errors of input
 * and output. */
static bool trouble_is_room(struct store *store, int result) {
    int error = result == SQLITE_IOERR_WRITE ? trouble_errno(store) : 0;
    return (result & 0xff) == SQLITE_FULL || error == ENOSPC || error == EDQUOT || error == EFBIG;
}

enum trouble trouble_of(struct store *store, int result) {
    if (trouble_is_room(store, result)) {
        return TROUBLE_PASSING;
    }
    switch (result & 0xff) {
    case SQLITE_IOERR:
        /* After a failed fsync the kernel calls the pages clean, and a second fsync would succeed for nothing. */
        return result == SQLITE_IOERR_NOMEM ? TROUBLE_PASSING : TROUBLE_FOR_EVER;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return TROUBLE_FOR_EVER;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
    case SQLITE_NOMEM:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_INTERRUPT:
        return TROUBLE_PASSING;
    default:
        return TROUBLE_ITEM;
    }
}

/* The process behind one line of /proc/locks, `1: POSIX  ADVISORY  WRITE 1234 fe:00:5678 120 120`, if it writes to that
 * inode; else 0. */
static long lock_line_holder(const char *line, ino_t inode) {
    const char *kind = strstr(line, " WRITE ");
    if (!kind || !strstr(line, "POSIX")) {
        return 0;
    }
    char *rest;
    long holder = strtol(kind + strlen(" WRITE "), &rest, 10);
    for (int colons = 0; colons < 2; colons++) {
        rest = strchr(rest, ':');
        if (!rest) {
            return 0;
        }
        rest++;
    }
    return strtoull(rest, NULL, 10) == inode ? holder : 0;
}

/* Which other process holds a lock on the shared memory of the log, as the kernel lists it; 0 if none is seen. Opening
 * the file to ask for its lock is no way: closing it again would drop this process's own locks. */
static long trouble_lock_holder(struct store *store) {
    char path[4096], line[256];
    struct stat file;
    if (snprintf(path, sizeof path, "%s-shm", store->path) >= (int)sizeof path || stat(path, &file) != 0) {
        return 0;
    }
    FILE *locks = fopen("/proc/locks", "re");
    long holder = 0;
    while (locks && holder == 0 && fgets(line, sizeof line, locks)) {
        holder = lock_line_holder(line, file.st_ino);
        holder = holder == getpid() ? 0 : holder;
    }
    if (locks) {
        fclose(locks);
    }
    return holder;
}

static void trouble_tell_busy(struct store *store) {
    char who[64] = "another program";
    long holder = trouble_lock_holder(store);
    if (holder > 0) {
        snprintf(who, sizeof who, "process %ld", holder);
    }
    snprintf(store->trouble, sizeof store->trouble, "%s keeps the write lock of %.160s", who, store->path);
    log_limited(store->log, &store->group_log, LOG_LEVEL_ERROR,
                "store: %s keeps the write lock of %s, and events are refused meanwhile: end it; nothing else may "
                "write to the store of "
                "a running daemon (no sqlite3 shell, no litestream)",
                who, store->path);
}

static void trouble_break(struct store *store, const char *why, const char *advice) {
    if (!store->broken) {
        store->broken = true;
        health_set(&store->health, HEALTH_BROKEN, why);
        log_error(store->log, "store: %s; nothing more is written: %s", why, advice);
        store->listener.broken(store->listener.context, why);
    }
}

bool trouble_in_place(struct store *store) {
    int moved = 0;
    char text[FAULT_TEXT_SIZE];
    if (sqlite3_file_control(store->database, "main", SQLITE_FCNTL_HAS_MOVED, &moved) != SQLITE_OK || !moved)
        return true;
    snprintf(text, sizeof text,
             "%s: the file was moved or deleted while it was in use, so what is written goes nowhere", store->path);
    trouble_break(store, text, "put the state folder back where it was, then start again");
    return false;
}

void trouble_tell(struct store *store, int result, const char *doing) {
    const char *why = sqlite3_errmsg(store->database);
    int error = (result & 0xff) == SQLITE_IOERR ? trouble_errno(store) : 0;
    snprintf(store->trouble, sizeof store->trouble, "%.120s: %s failed: %.80s", store->path, doing, why);
    if (trouble_is_room(store, result)) {
        snprintf(store->trouble, sizeof store->trouble, "no room to write %.200s", store->path);
        log_limited(store->log, &store->group_log, LOG_LEVEL_ERROR,
                    "store: no room to write %s, and events are refused meanwhile: make room on that disk",
                    store->path);
    } else if ((result & 0xff) == SQLITE_BUSY) {
        trouble_tell_busy(store);
    } else if (trouble_of(store, result) == TROUBLE_FOR_EVER) {
        char text[FAULT_TEXT_SIZE];
        snprintf(text, sizeof text, "%s: %s failed: %s%s%s (error %d)", store->path, doing, why, error != 0 ? ": " : "",
                 error != 0 ? strerror(error) : "", result);
        trouble_break(store, text, "look at the disk, then start again");
    } else {
        log_limited(store->log, &store->group_log, LOG_LEVEL_ERROR, "store: %s: %s failed: %s (error %d)", store->path,
                    doing, why, result);
    }
}
