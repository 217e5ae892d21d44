/* Writing the database anew, while no daemon runs on it. First the old file is brought to where it needs no log beside it;
 * then the new one takes its name in one step. So whenever this is killed, what is there under that name is whole, and no
 * log lies there that belongs to the other one. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/sqlite/copy.h"
#include "store/sqlite/engine.h"

struct compact {
    char *path, *log_path, *memory_path, *journal_path, *new_path;
    sqlite3 *database;
    struct stat before;
    struct partial partial;
};

static bool compact_fault(const struct compact *compact, const char *doing, struct fault *fault) {
    int result = compact->database ? sqlite3_extended_errcode(compact->database) : SQLITE_NOMEM;
    if ((result & 0xff) == SQLITE_BUSY) {
        return fault_set(fault, "%s: another program has it open, a backup perhaps, or a sqlite3 shell: end it",
                         compact->path);
    }
    return fault_set(fault, "%s: %s failed: %s (error %d)", compact->path, doing,
                     compact->database ? sqlite3_errmsg(compact->database) : sqlite3_errstr(result), result);
}

static bool compact_run(struct compact *compact, const char *text, const char *doing, struct fault *fault) {
    return sqlite3_exec(compact->database, text, NULL, NULL, NULL) == SQLITE_OK || compact_fault(compact, doing, fault);
}

static bool compact_open(struct compact *compact, struct fault *fault) {
    int64_t application = 0, version = 0;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    if (sqlite3_open_v2(compact->path, &compact->database, flags, NULL) != SQLITE_OK) {
        return compact_fault(compact, "opening", fault);
    }
    sqlite3_busy_timeout(compact->database, 5000);
    sqlite3_db_config(compact->database, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    if (!compact_run(compact,
                     "PRAGMA locking_mode = EXCLUSIVE; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0; "
                     "PRAGMA mmap_size = 0; PRAGMA cache_size = -16384; PRAGMA temp_store = MEMORY; "
                     "PRAGMA secure_delete = OFF; PRAGMA cell_size_check = ON;",
                     "setting it up", fault)) {
        return false;
    }
    if (!copy_integer(compact->database, "PRAGMA application_id", &application) ||
        !copy_integer(compact->database, "PRAGMA user_version", &version)) {
        return compact_fault(compact, "reading it", fault);
    }
    return database_is_usable(compact->path, application, version, fault);
}

/* Its only way to say that it stays as it was is a row that says so. */
static bool compact_leave_log(struct compact *compact, bool *left, struct fault *fault) {
    sqlite3_stmt *mode = NULL;
    bool read = sqlite3_prepare_v2(compact->database, "PRAGMA journal_mode = DELETE", -1, &mode, NULL) == SQLITE_OK &&
                sqlite3_step(mode) == SQLITE_ROW;
    *left = read && strcmp((const char *)sqlite3_column_text(mode, 0), "delete") == 0;
    read = read || compact_fault(compact, "ending its write-ahead log", fault);
    sqlite3_finalize(mode);
    return read;
}

static bool file_remove(const char *path, struct fault *fault) {
    return unlink(path) == 0 || errno == ENOENT || fault_set(fault, "%s: can't be deleted: %s", path, strerror(errno));
}

/* All of the log goes into the database and to the disk, and the log is deleted, for good: it must not come back beside
 * the new file. From here on this process alone has the file, and the journal that this itself took is of no more use. */
static bool compact_end_log(struct compact *compact, struct fault *fault) {
    struct stat status;
    bool left;
    if (!compact_leave_log(compact, &left, fault) ||
        !compact_run(compact, "BEGIN EXCLUSIVE; COMMIT", "locking it", fault)) {
        return false;
    }
    if (!left || lstat(compact->log_path, &status) == 0) {
        return fault_set(fault, "%s: its write-ahead log can't be ended: look for another program that has it open",
                         compact->path);
    }
    return file_remove(compact->memory_path, fault) && file_remove(compact->journal_path, fault) &&
           copy_sync_folder(compact->path, fault);
}

/* The new file must be readable for whom the old one was, also when root does this. */
static bool compact_replace(struct compact *compact, struct fault *fault) {
    struct stat status;
    int file = compact->partial.descriptor;
    bool owned = fstat(file, &status) == 0 &&
                 ((status.st_uid == compact->before.st_uid && status.st_gid == compact->before.st_gid) ||
                  fchown(file, compact->before.st_uid, compact->before.st_gid) == 0);
    if (!owned || fchmod(file, compact->before.st_mode & 0777) != 0 || fsync(file) != 0 ||
        rename(compact->new_path, compact->path) != 0) {
        return fault_set(fault, "%s: the new database can't take its place: %s; the old one is as it was",
                         compact->path, strerror(errno));
    }
    return copy_sync_folder(compact->path, fault);
}

static bool compact_do(struct compact *compact, const struct store_progress *progress, int64_t *saved_bytes,
                       struct fault *fault) {
    struct stat log, after;
    if (stat(compact->path, &compact->before) != 0) {
        return fault_set(fault, "%s: %s: there is no store to compact: look at `state:`", compact->path,
                         strerror(errno));
    }
    int64_t size = compact->before.st_size, log_size = stat(compact->log_path, &log) == 0 ? log.st_size : 0;
    unlink(compact->new_path); /* of one that was killed */
    bool done = copy_step(progress, 0, size, compact->path, fault) && compact_open(compact, fault) &&
                compact_end_log(compact, fault) && copy_step(progress, 0, size, compact->path, fault) &&
                partial_make(&compact->partial, compact->new_path, fault) &&
                copy_database(compact->database, compact->path, &compact->partial, progress, fault) &&
                fstat(compact->partial.descriptor, &after) == 0 &&
                copy_step(progress, after.st_size, after.st_size, compact->path, fault) &&
                compact_replace(compact, fault);
    *saved_bytes = done ? size + log_size - after.st_size : 0;
    return done;
}

bool store_compact(const char *folder, const struct store_progress *progress, int64_t *saved_bytes,
                   struct fault *fault) {
    struct compact compact = { .partial = { .descriptor = -1 } };
    bool done = false;
    *saved_bytes = 0;
    compact.path = copy_path(folder, "grapnel.db");
    compact.log_path = copy_path(folder, "grapnel.db-wal");
    compact.memory_path = copy_path(folder, "grapnel.db-shm");
    compact.journal_path = copy_path(folder, "grapnel.db-journal");
    compact.new_path = copy_path(folder, COMPACT_NAME);
    int lock = -1;
    if (!compact.path || !compact.log_path || !compact.memory_path || !compact.journal_path || !compact.new_path) {
        fault_set(fault, "%s: out of memory", folder);
    } else if ((lock = folder_lock(folder, fault)) >= 0) {
        done = compact_do(&compact, progress, saved_bytes, fault);
    }
    sqlite3_close(compact.database);
    partial_drop(&compact.partial); /* which has the database's name by now, if all went well */
    if (lock >= 0) {
        close(lock);
    }
    free(compact.path);
    free(compact.log_path);
    free(compact.memory_path);
    free(compact.journal_path);
    free(compact.new_path);
    return done;
}
