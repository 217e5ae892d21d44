/* A copy of the store while the daemon goes on writing: a reader like any other, in a process of its own. Its transaction
 * lasts as long as the copying, and for so long the write-ahead log can only grow. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/sqlite/copy.h"
#include "store/sqlite/engine.h"

static bool source_fault(sqlite3 *database, const char *path, struct fault *fault) {
    int result = database ? sqlite3_extended_errcode(database) : SQLITE_NOMEM;
    if ((result & 0xff) == SQLITE_BUSY) {
        return fault_set(fault, "%s: another program has locked the database, `grapnel compact` perhaps: let it finish",
                         path);
    }
    return fault_set(fault, "%s: can't be read: %s (error %d): look at `state:` and whose the files in it are", path,
                     database ? sqlite3_errmsg(database) : sqlite3_errstr(result), result);
}

/* The log belongs to the file of that name; were another file put in its place between opening the one and the other (as
 * compact does), they would not fit together. Both are open after the first read. */
static bool source_check(sqlite3 *database, const char *path, struct fault *fault) {
    int64_t application = 0, version = 0, tables = 0;
    int moved = 0;
    if (!copy_integer(database, "PRAGMA application_id", &application) ||
        !copy_integer(database, "PRAGMA user_version", &version) ||
        !copy_integer(database, "SELECT count(*) FROM sqlite_schema", &tables)) {
        return source_fault(database, path, fault);
    }
    if (!database_is_usable(path, application, version, fault)) {
        return false;
    }
    sqlite3_file_control(database, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
    return !moved || fault_set(fault, "%s: another file was put in its place at this moment: try again", path);
}

static sqlite3 *source_open(const char *path, struct fault *fault) {
    sqlite3 *database = NULL;
    struct stat status;
    if (stat(path, &status) != 0) {
        fault_set(fault, "%s: %s: there is no store to copy: look at `state:`", path, strerror(errno));
        return NULL;
    }
    int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    if (sqlite3_open_v2(path, &database, flags, NULL) != SQLITE_OK) {
        source_fault(database, path, fault);
        sqlite3_close(database);
        return NULL;
    }
    sqlite3_busy_timeout(database, 5000);
    sqlite3_db_config(database, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    bool ready = sqlite3_exec(database,
                              "PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -16384; PRAGMA mmap_size = 0; "
                              "PRAGMA temp_store = MEMORY; PRAGMA cell_size_check = ON;",
                              NULL, NULL, NULL) == SQLITE_OK ||
                 source_fault(database, path, fault);
    if (!ready || !source_check(database, path, fault)) {
        sqlite3_close(database);
        return NULL;
    }
    return database;
}

static bool target_taken(const char *file, struct fault *fault) {
    return fault_set(fault, "%s: a file of that name is there already, and is not touched: choose another name", file);
}

/* Gives the file its name, unless it is taken. Not every file system can rename without replacing; then it has both names
 * for a moment. */
static bool target_name(const struct partial *partial, const char *file, struct fault *fault) {
    if (renameat2(AT_FDCWD, partial->path, AT_FDCWD, file, RENAME_NOREPLACE) == 0) {
        return copy_sync_folder(file, fault);
    }
    if (errno == EINVAL || errno == ENOSYS) {
        if (link(partial->path, file) == 0) {
            unlink(partial->path);
            return copy_sync_folder(file, fault);
        }
    }
    return errno == EEXIST ? target_taken(file, fault)
                           : fault_set(fault, "%s: the copy can't be given that name: %s", file, strerror(errno));
}

/* Could a file be there? What is wrong with the folder is told of the folder, not of the copy on its way. */
static bool target_check(const char *file, struct fault *fault) {
    struct stat status;
    size_t length = strlen(file);
    if (stat(file, &status) == 0 && S_ISDIR(status.st_mode)) {
        return fault_set(fault, "%s: is a folder: name the file in it that is to be the copy", file);
    }
    if (lstat(file, &status) == 0) {
        return target_taken(file, fault);
    }
    if (length > 0 && file[length - 1] == '/') {
        return fault_set(fault, "%s: there is no such folder; name the file that is to be the copy", file);
    }
    char *copy = strdup(file);
    const char *folder = copy ? dirname(copy) : NULL;
    bool good = true;
    if (!folder) {
        good = fault_set(fault, "%s: out of memory", file);
    } else if (stat(folder, &status) != 0) {
        good = errno == ENOENT ? fault_set(fault, "%s: there is no such folder: make it first", folder)
                               : fault_set(fault, "%s: %s", folder, strerror(errno));
    } else if (!S_ISDIR(status.st_mode)) {
        good = fault_set(fault, "%s: is not a folder", folder);
    }
    free(copy);
    return good;
}

bool store_backup(const char *folder, const char *file, const struct store_progress *progress, struct fault *fault) {
    struct partial partial = { .descriptor = -1 };
    bool copied = false;
    if (!target_check(file, fault)) {
        return false;
    }
    char *path = copy_path(folder, "grapnel.db"), *target = copy_path(file, ""), *temporary = NULL;
    if (!path || !target || asprintf(&temporary, "%s.partial", target) < 0) {
        temporary = NULL;
        fault_set(fault, "%s: out of memory", file);
    } else {
        sqlite3 *database = source_open(path, fault);
        copied = database && partial_make(&partial, temporary, fault) &&
                 copy_database(database, path, &partial, progress, fault) && target_name(&partial, target, fault);
        sqlite3_close(database);
    }
    partial_drop(&partial);
    free(path);
    free(target);
    free(temporary);
    return copied;
}
