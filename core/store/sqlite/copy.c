/* VACUUM INTO reads everything in one transaction, so the copy is what was there at one moment, without the gaps that
 * deleted rows leave; then the copy is read back and checked. Both run on a thread of their own, since neither comes back
 * before its end, while this one tells how far it is and can be told to give up. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "store/sqlite/copy.h"
#include "store/sqlite/engine.h"

enum { STEP_NS = 100 * 1000 * 1000 };

char *copy_path(const char *folder, const char *name) {
    char *path = NULL;
    const char *here = folder[0] == '/' ? "" : "./";
    return asprintf(&path, "%s%s%s%s", here, folder, name[0] ? "/" : "", name) < 0 ? NULL : path;
}

bool copy_integer(sqlite3 *database, const char *text, int64_t *value) {
    sqlite3_stmt *query = NULL;
    bool read = sqlite3_prepare_v2(database, text, -1, &query, NULL) == SQLITE_OK && sqlite3_step(query) == SQLITE_ROW;
    if (read) {
        *value = sqlite3_column_int64(query, 0);
    }
    sqlite3_finalize(query);
    return read;
}

bool copy_sync_folder(const char *path, struct fault *fault) {
    char *copy = strdup(path);
    int folder = copy ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    bool synced = folder >= 0 && fsync(folder) == 0;
    if (!synced) {
        fault_set(fault, "%s: its folder can't be written to the disk: %s", path, strerror(errno));
    }
    if (folder >= 0) {
        close(folder);
    }
    free(copy);
    return synced;
}

/* --- the file --- */

static bool partial_fault(const char *path, const char *why, struct fault *fault) {
    return fault_set(fault, "%s: can't be written: %s", path, why);
}

/* The file that could not be made is none that anybody knows of; its folder is. */
static bool partial_not_made(const char *path, int error, struct fault *fault) {
    struct stat named;
    char *copy = lstat(path, &named) == 0 ? NULL : strdup(path);
    if (copy) {
        fault_set(fault, "%s: nothing can be written into this folder: %s", dirname(copy), strerror(error));
    } else {
        partial_fault(path, strerror(error), fault);
    }
    free(copy);
    return false;
}

/* Is it ours to write: the plain file of that name, of this user, under no other name, and nobody is writing it? */
static bool partial_claim(int descriptor, const char *path, struct fault *fault) {
    struct stat opened, named;
    if (flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
        return errno == EWOULDBLOCK
                   ? fault_set(fault, "%s: another grapnel is writing it at this moment: let it finish", path)
                   : partial_fault(path, strerror(errno), fault);
    }
    if (fstat(descriptor, &opened) != 0 || lstat(path, &named) != 0) {
        return partial_fault(path, strerror(errno), fault);
    }
    if (!S_ISREG(opened.st_mode) || opened.st_nlink != 1 || opened.st_ino != named.st_ino ||
        opened.st_dev != named.st_dev || opened.st_uid != geteuid()) {
        return fault_set(fault, "%s: it is there already and is not what an earlier copy would have left: move it away",
                         path);
    }
    return (fchmod(descriptor, 0600) == 0 && ftruncate(descriptor, 0) == 0) ||
           partial_fault(path, strerror(errno), fault);
}

bool partial_make(struct partial *partial, const char *path, struct fault *fault) {
    *partial = (struct partial){ .path = strdup(path), .descriptor = -1 };
    if (!partial->path) {
        return partial_fault(path, "out of memory", fault);
    }
    partial->descriptor = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    if (partial->descriptor < 0) {
        return partial_not_made(path, errno, fault);
    }
    if (partial_claim(partial->descriptor, path, fault)) {
        return true;
    }
    close(partial->descriptor); /* and it is left as it is */
    partial->descriptor = -1;
    return false;
}

void partial_drop(struct partial *partial) {
    struct stat opened, named;
    if (partial->descriptor >= 0) {
        if (fstat(partial->descriptor, &opened) == 0 && lstat(partial->path, &named) == 0 &&
            opened.st_ino == named.st_ino && opened.st_dev == named.st_dev) {
            unlink(partial->path);
        }
        close(partial->descriptor);
    }
    free(partial->path);
    *partial = (struct partial){ .descriptor = -1 };
}

/* --- the work --- */

struct copying {
    pthread_mutex_t mutex;
    pthread_cond_t ended;
    bool over; /* under the mutex */
    sqlite3 *database;
    const char *path; /* of the copy */
    bool checking;    /* the copy, which `database` is then */
    int result;
    char why[512];
};

static void copying_fail(struct copying *copying, int result, const char *why) {
    copying->result = result;
    snprintf(copying->why, sizeof copying->why, "%s", why);
}

static void copying_vacuum(struct copying *copying) {
    sqlite3_stmt *vacuum = NULL;
    int result = sqlite3_prepare_v2(copying->database, "VACUUM main INTO ?1", -1, &vacuum, NULL);
    if (result == SQLITE_OK) {
        sqlite3_bind_text(vacuum, 1, copying->path, -1, SQLITE_STATIC);
        result = sqlite3_step(vacuum);
    }
    if (result != SQLITE_DONE) {
        copying_fail(copying, result, sqlite3_errmsg(copying->database));
    }
    sqlite3_finalize(vacuum);
}

/* It names what it finds, one row each; the first one is enough. The quick check would take hardly less time (about 3 s for
 * a GiB that is in memory), as the large rows are in no index. */
static void copying_check(struct copying *copying) {
    sqlite3_stmt *check = NULL;
    int result = sqlite3_prepare_v2(copying->database, "PRAGMA integrity_check(1)", -1, &check, NULL);
    if (result == SQLITE_OK) {
        result = sqlite3_step(check);
    }
    if (result != SQLITE_ROW) {
        copying_fail(copying, result, sqlite3_errmsg(copying->database));
    } else if (strcmp((const char *)sqlite3_column_text(check, 0), "ok") != 0) {
        copying_fail(copying, SQLITE_CORRUPT, (const char *)sqlite3_column_text(check, 0));
    }
    sqlite3_finalize(check);
}

static void *copying_run(void *context) {
    struct copying *copying = context;
    (copying->checking ? copying_check : copying_vacuum)(copying);
    pthread_mutex_lock(&copying->mutex);
    copying->over = true;
    pthread_cond_signal(&copying->ended);
    pthread_mutex_unlock(&copying->mutex);
    return NULL;
}

/* For a while, or until it is over. */
static bool copying_wait(struct copying *copying) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += STEP_NS;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    int waited = 0;
    pthread_mutex_lock(&copying->mutex);
    while (!copying->over && waited == 0) {
        waited = pthread_cond_timedwait(&copying->ended, &copying->mutex, &until);
    }
    bool over = copying->over;
    pthread_mutex_unlock(&copying->mutex);
    return over;
}

bool copy_step(const struct store_progress *progress, int64_t done_bytes, int64_t all_bytes, const char *path,
               struct fault *fault) {
    done_bytes = done_bytes < all_bytes ? done_bytes : all_bytes;
    return !progress || !progress->step || progress->step(progress->context, done_bytes, all_bytes) ||
           fault_set(fault, "%s: given up before it was complete; nothing was changed", path);
}

/* Tells how large the copy has become until it is over. */
static bool copying_watch(struct copying *copying, const struct partial *partial, int64_t all_bytes,
                          const struct store_progress *progress, struct fault *fault) {
    bool wanted = true;
    do {
        struct stat status;
        if (wanted && fstat(partial->descriptor, &status) == 0) {
            wanted = copy_step(progress, status.st_size, all_bytes, partial->path, fault);
        }
        if (!wanted) { /* each time: it would miss the one that comes before it has begun */
            sqlite3_interrupt(copying->database);
        }
    } while (!copying_wait(copying));
    return wanted;
}

static bool copying_fault(const struct copying *copying, const char *source_path, struct fault *fault) {
    if (copying->checking) {
        return fault_set(fault,
                         "%s: the copy of it does not pass the integrity check, and was removed: %s: look at the "
                         "disks that both are on",
                         source_path, copying->why);
    }
    switch (copying->result & 0xff) {
    case SQLITE_FULL:
        return fault_set(fault, "%s: there is no room for it: make some on that disk, or choose another one",
                         copying->path);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return fault_set(fault, "%s: damaged, so no whole copy can be made of it: %s", source_path, copying->why);
    case SQLITE_BUSY:
        return fault_set(fault, "%s: another program has locked the database: end it", source_path);
    default:
        return fault_set(fault, "%s: copying it to %s failed: %s (error %d)", source_path, copying->path, copying->why,
                         copying->result);
    }
}

static bool copying_do(struct copying *copying, const char *source_path, const struct partial *partial,
                       int64_t all_bytes, const struct store_progress *progress, struct fault *fault) {
    pthread_t thread;
    pthread_condattr_t clock;
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_mutex_init(&copying->mutex, NULL);
    pthread_cond_init(&copying->ended, &clock);
    int error = pthread_create(&thread, NULL, copying_run, copying);
    bool wanted = error == 0 ? copying_watch(copying, partial, all_bytes, progress, fault)
                             : fault_set(fault, "%s: a thread can't be started: %s", source_path, strerror(error));
    if (error == 0) {
        pthread_join(thread, NULL);
    }
    pthread_cond_destroy(&copying->ended);
    pthread_mutex_destroy(&copying->mutex);
    pthread_condattr_destroy(&clock);
    return wanted && (copying->result == SQLITE_OK || copying_fault(copying, source_path, fault));
}

/* What the disk gives back, and that it says whose it is. */
static bool copy_check(const char *source_path, const struct partial *partial, int64_t all_bytes,
                       const struct store_progress *progress, struct fault *fault) {
    sqlite3 *database = NULL;
    int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    struct copying copying = { .path = partial->path, .checking = true };
    bool sound = sqlite3_open_v2(partial->path, &database, flags, NULL) == SQLITE_OK ||
                 fault_set(fault, "%s: the copy can't be opened: %s", partial->path,
                           database ? sqlite3_errmsg(database) : "out of memory");
    int64_t application = 0, version = 0;
    copying.database = database;
    if (sound && copying_do(&copying, source_path, partial, all_bytes, progress, fault)) {
        copy_integer(database, "PRAGMA application_id", &application);
        copy_integer(database, "PRAGMA user_version", &version);
        sound = database_is_usable(partial->path, application, version, fault);
    } else {
        sound = false;
    }
    sqlite3_close(database);
    return sound;
}

bool copy_database(sqlite3 *source, const char *source_path, const struct partial *partial,
                   const struct store_progress *progress, struct fault *fault) {
    struct copying copying = { .database = source, .path = partial->path };
    int64_t pages = 1, free_pages = 0, page_size = 4096; /* only for the progress */
    copy_integer(source, "PRAGMA page_count", &pages);
    copy_integer(source, "PRAGMA freelist_count", &free_pages);
    copy_integer(source, "PRAGMA page_size", &page_size);
    int64_t all_bytes = (pages - free_pages) * page_size;
    if (!copying_do(&copying, source_path, partial, all_bytes, progress, fault) ||
        !copy_check(source_path, partial, all_bytes, progress, fault)) {
        return false;
    }
    return fsync(partial->descriptor) == 0 ||
           fault_set(fault, "%s: can't be written to the disk: %s", partial->path, strerror(errno));
}
